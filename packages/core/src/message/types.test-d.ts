import { createEnvelope, type Envelope } from './envelope.ts'
import { spyProvider } from './fixtures.test-support.ts'

/*
 * What the compiler must refuse of typed contexts when messages move and parts of them are read. Checked with the types of
 * the tests, and never run: a line that compiles where it must not fails the build.
 */

const keys = spyProvider().provider
const tenants: Envelope<{ tenant: string }> = createEnvelope<{ tenant: string }>({ keys })
const users: Envelope<{ user: string; region: string }> = createEnvelope<{ user: string; region: string }>({ keys })
const bytes = new Uint8Array(0)

export async function moveTyped(): Promise<void> {
  await tenants.reencrypt(bytes, users, { context: { tenant: 't' }, seal: { context: { user: 'u', region: 'r' } } })
  await tenants.reencrypt(bytes, users, { context: {}, withheld: ['tenant'], seal: { withheld: ['user', 'region'] } })
  tenants.reencryptStream(users, { signed: 'refuse', seal: { context: { user: 'u', region: 'r' } } })
  // @ts-expect-error the target's context has other names
  await tenants.reencrypt(bytes, users, { seal: { context: { tenant: 't' } } })
  // @ts-expect-error the target's context lacks a name
  await tenants.reencrypt(bytes, users, { seal: { context: { user: 'u' } } })
  // @ts-expect-error the source's context has other names
  await tenants.reencrypt(bytes, users, { context: { user: 'u' } })
  // @ts-expect-error the target's context has no such name to withhold
  tenants.reencryptStream(users, { seal: { withheld: ['tenant'] } })
  // @ts-expect-error only a stream of plaintext has a length
  tenants.reencryptStream(users, { seal: { length: 5 } })
  // @ts-expect-error one-shot calls always hold
  await tenants.reencrypt(bytes, users, { signed: 'release' })
  // @ts-expect-error a provider is no envelope
  await tenants.reencrypt(bytes, keys)
}

export async function readTyped(): Promise<string> {
  await using reader = await tenants.openRange(bytes, { context: { tenant: 't' } })
  await tenants.decryptRange(new Blob([]), { start: 0, end: 1, withheld: ['tenant'], context: { tenant: 't' } })
  // @ts-expect-error a range has an end
  await tenants.decryptRange(bytes, { start: 0 })
  // @ts-expect-error the context has other names
  await tenants.openRange(bytes, { context: { user: 'u' } })
  // @ts-expect-error a source has a size
  await tenants.openRange({ read: async () => bytes })
  return reader.header.context.tenant
}
