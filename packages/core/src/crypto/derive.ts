import { commitmentLength, type Hash, type Suite, suites } from '../suite/table.ts'
import { concat } from '../wire/bytes.ts'

/**
 * What HKDF is given to turn a data key into a message key: the inputs as data, for whichever library computes it.
 * Source: transitive-requirements.md, "HKDF Encryption Key" and "HKDF Commit Key"
 */
export interface Derivation {
  readonly hash: Hash
  readonly salt: Uint8Array
  readonly key: Expansion
  /** Only of a committing suite. */
  readonly commitment: Expansion | undefined
}

/** One output of HKDF-Expand; never longer than the hash, so that it is one block. */
export interface Expansion {
  readonly info: Uint8Array
  /** The info and the block's number, 1: what the block is the HMAC of, for a library that has HMAC alone. */
  readonly block: Uint8Array
  /** In bytes. */
  readonly length: number
}

const hashLength: Readonly<Record<Hash, number>> = { sha256: 32, sha384: 48, sha512: 64 }

/** @returns undefined for a suite whose data key is the message key */
export function derivationOf(suite: Suite, messageId: Uint8Array): Derivation | undefined {
  const hash = suite.kdfHash
  if (hash === undefined) return undefined
  const expansions = committing.get(suite.id)
  if (expansions !== undefined) return { hash, salt: messageId, ...expansions }
  const key = expansion(infoOf(suite, messageId), suite.keyLength)
  return { hash, salt: new Uint8Array(hashLength[hash]), key, commitment: undefined }
}

const utf8 = new TextEncoder()
const deriveKey = utf8.encode('DERIVEKEY')
const commitment = expansion(utf8.encode('COMMITKEY'), commitmentLength)

/** What committing suites expand does not depend on the message. */
const committing: ReadonlyMap<number, Pick<Derivation, 'key' | 'commitment'>> = new Map(
  [...suites.values()]
    .filter((suite) => suite.committing)
    .map((suite) => [suite.id, { key: expansion(infoOf(suite, deriveKey), suite.keyLength), commitment }]),
)

/** 2 suite · label */
function infoOf(suite: Suite, label: Uint8Array): Uint8Array {
  const info = new Uint8Array(2 + label.length)
  info[0] = suite.id >> 8
  info[1] = suite.id & 0xff
  info.set(label, 2)
  return info
}

function expansion(info: Uint8Array, length: number): Expansion {
  return { info, block: concat([info, Uint8Array.of(1)]), length }
}
