import type { EncryptionContext, Peer, SuiteId } from './peer.ts'
import { RSA_PADDINGS, SUITES } from './suites.ts'

/** One message to be written by a producer, before it is. */
export interface PlannedVector {
  readonly name: string
  readonly suite: SuiteId
  readonly frameLength: number
  /** By name in the test keys. */
  readonly keyring: string
  readonly context: EncryptionContext
  readonly withheld?: EncryptionContext
  readonly length: number
}

const CONTEXT: EncryptionContext = { purpose: 'vector', tenant: 'a' }
const SIGNED_AND_NOT: readonly SuiteId[] = ['0478', '0578']
const WITHHOLDING: readonly SuiteId[] = ['0078', '0178', '0378', '0478', '0578']

/** What a producer can write of everything that a reader may meet. */
export function planVectors(peer: Peer): readonly PlannedVector[] {
  const free = peer.supports('every-frame-length')
  const planned = [...suites(), ...lengths(), ...wrappingKeys(), ...contexts(), ...frameLengths(free)]
  if (peer.supports('writes-unframed')) planned.push(...unframed())
  if (peer.supports('withheld-context')) planned.push(...withheld(peer.supports('writes-unframed')))
  return planned
}

function plan(name: string, change: Partial<Omit<PlannedVector, 'name'>>): PlannedVector {
  return { name, suite: '0478', frameLength: 128, keyring: 'aes-256', context: CONTEXT, length: 300, ...change }
}

function suites(): PlannedVector[] {
  return SUITES.flatMap((suite) => [
    plan(`suite ${suite}`, { suite }),
    plan(`suite ${suite}, empty plaintext`, { suite, length: 0 }),
  ])
}

/** Around a frame's end, and two whole frames. */
function lengths(): PlannedVector[] {
  return [1, 127, 128, 129, 256].map((length) => plan(`${length} bytes in frames of 128`, { length }))
}

function wrappingKeys(): PlannedVector[] {
  const aes = ['aes-128', 'aes-192', 'aes-named'].map((keyring) => plan(`wrapped by ${keyring}`, { keyring }))
  const rsa = RSA_PADDINGS.flatMap((padding) =>
    SIGNED_AND_NOT.map((suite) =>
      plan(`wrapped by rsa-${padding}, suite ${suite}`, { keyring: `rsa-${padding}`, suite }),
    ),
  )
  const multi = SUITES.map((suite) => plan(`three recipients, suite ${suite}`, { keyring: 'multi', suite, length: 20 }))
  return [...aes, ...rsa, ...multi]
}

function contexts(): PlannedVector[] {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key-${index}`, `value-${index}`]))
  // UTF-8 order and UTF-16 order differ: U+FFFD is before U+1F600 in the first and after it in the second.
  const unicode = { é: 'e', '\u{1F600}': 'beyond', '\uFFFD': 'within', Z: 'upper', a: 'lower', A: 'upper' }
  // A literal's __proto__ would set the prototype; an entry's becomes a key.
  const proto = Object.fromEntries([
    ['__proto__', 'a key like any other'],
    ['constructor', 'too'],
  ])
  const rows: readonly (readonly [string, EncryptionContext])[] = [
    ['empty context', {}],
    ['40 pairs of context', many],
    ['context that sorts by UTF-8 bytes', unicode],
    ['context with __proto__', proto],
    ['context with an empty value', { empty: '', full: 'x' }],
  ]
  return rows.flatMap(([name, context]) => [
    plan(name, { context }),
    plan(`${name}, signed`, { context, suite: '0578' }),
  ])
}

function frameLengths(free: boolean): PlannedVector[] {
  const rows: [frameLength: number, length: number][] = [
    [4096, 10_000],
    [4096, 8192],
    [65_536, 20_000],
    [16_777_216, 300], // the largest that Keyfold opens unless told otherwise
    [2_147_483_520, 300], // the largest that the Python SDK writes
  ]
  if (free) rows.push([1, 5], [7, 20], [100, 250], [100, 300], [4_294_967_295, 300])
  return rows.map(([frameLength, length]) =>
    plan(`${length} bytes in frames of ${frameLength}`, { frameLength, length }),
  )
}

function unframed(): PlannedVector[] {
  return [
    ...SUITES.map((suite) => plan(`unframed, suite ${suite}`, { suite, frameLength: 0 })),
    plan('unframed, empty plaintext', { frameLength: 0, length: 0 }),
    plan('unframed, 10000 bytes', { frameLength: 0, length: 10_000 }),
    plan('unframed, three recipients', { frameLength: 0, keyring: 'multi' }),
  ]
}

function withheld(writesUnframed: boolean): PlannedVector[] {
  const pairs = { withheld: { secretive: 'kept back' } }
  const planned = WITHHOLDING.map((suite) => plan(`withheld context, suite ${suite}`, { ...pairs, suite }))
  planned.push(
    plan('all context withheld', { ...pairs, context: {} }),
    plan('all context withheld, signed', { ...pairs, context: {}, suite: '0578' }),
    plan('two pairs withheld around a stored one', { context: { m: 'stored' }, withheld: { z: 'last', a: 'first' } }),
    plan('withheld context, wrapped by RSA', { ...pairs, keyring: 'rsa-oaep-sha256' }),
    plan('withheld context, three recipients', { ...pairs, keyring: 'multi' }),
  )
  if (writesUnframed) planned.push(plan('withheld context, unframed', { ...pairs, frameLength: 0 }))
  return planned
}
