/**
 * Whether whoever is on the way may read along: the service is called without TLS, on another machine than this one. What a
 * provider tells as the concern `plain-http`.
 *
 * @param url of the service, as `URL` reads it
 */
export function isPlainHttp({ protocol, hostname }: { readonly protocol: string; readonly hostname: string }): boolean {
  return protocol === 'http:' && !loopback.test(hostname)
}

/** In the one way in which a URL writes each. */
const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/
