import type { SchemaMethod } from './service-schema.ts'

/** One address of a method. */
export interface Route {
  readonly method: SchemaMethod
  /** The request's fields in proto3 JSON; undefined where another route is meant. */
  match(
    httpMethod: string,
    pathname: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): Record<string, unknown> | undefined
}

/**
 * The address of a method's google.api.http rule, such as `/v1/{name=keyRings/x}:encrypt`. In it, `*` stands for
 * a segment and `**` for any number. What is neither in the path nor in the body is in the query.
 *
 * Source: google/api/http.proto
 */
export function compileRoute(method: SchemaMethod): Route | undefined {
  const { body: bodyField, ...rest } = method.http
  const rule = Object.entries(rest).find(([verb]) => ['get', 'post', 'patch'].includes(verb))
  if (rule === undefined || typeof rule[1] !== 'string') return undefined
  const [verb, template] = rule
  const { pattern, field } = compile(template)
  return {
    method,
    match(httpMethod, pathname, query, body) {
      if (httpMethod.toLowerCase() !== verb) return undefined
      const value = pattern.exec(pathname)?.[1]
      if (value === undefined) return undefined
      const request: Record<string, unknown> = bodyField === '*' ? { ...body } : { ...fromQuery(query) }
      if (bodyField !== undefined && bodyField !== '*') request[camel(bodyField)] = body
      setPath(request, field, decodeURIComponent(value))
      return request
    },
  }
}

function compile(template: string): { readonly pattern: RegExp; readonly field: string } {
  const [, before = '', field = '', inside = '*', after = ''] =
    /^([^{]*)\{([^=}]+)(?:=([^}]+))?\}(.*)$/.exec(template) ?? []
  const segments = inside.split('/').map((segment) => {
    if (segment === '**') return '.+?'
    return segment === '*' ? '[^/:]+' : segment
  })
  return { pattern: new RegExp(`^${before}(${segments.join('/')})${after}$`), field }
}

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  // $alt, alt and prettyPrint are about the answer's form.
  const own = [...query].filter(([name]) => !/^\$|^(alt|prettyPrint)$/.test(name))
  return Object.fromEntries(own.map(([name, value]) => [camel(name), literal(value)]))
}

function literal(value: string): unknown {
  return value === 'true' || value === 'false' ? value === 'true' : value
}

function setPath(request: Record<string, unknown>, path: string, value: string): void {
  const [first = '', second] = path.split('.').map(camel)
  if (second === undefined) request[first] = value
  else request[first] = { ...(request[first] as object), [second]: value } // absent, or the body's object
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
