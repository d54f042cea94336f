import type { Hash, Suite } from '../suite/table.ts'
import { commitmentLength } from '../suite/table.ts'

/**
 * What HKDF is given to turn a data key into a message key: the inputs as data, for whichever library computes it.
 * Source: transitive-requirements.md, "HKDF Encryption Key" and "HKDF Commit Key"
 */
export interface Derivation {
  readonly hash: Hash
  readonly salt: Uint8Array
  readonly key: Expansion
  readonly commitment?: Expansion
}

/** One output of HKDF-Expand; never longer than the hash, so that it is one block. */
export interface Expansion {
  readonly info: Uint8Array
  /** In bytes. */
  readonly length: number
}

const utf8 = new TextEncoder()
const deriveKey = utf8.encode('DERIVEKEY')
const commitKey = utf8.encode('COMMITKEY')

const hashLength: Readonly<Record<Hash, number>> = { sha256: 32, sha384: 48, sha512: 64 }

/** @returns undefined for a suite whose data key is the message key */
export function derivationOf(suite: Suite, messageId: Uint8Array): Derivation | undefined {
  const hash = suite.kdfHash
  if (hash === undefined) return undefined
  if (!suite.committing) {
    const key = { info: infoOf(suite, messageId), length: suite.keyLength }
    return { hash, salt: new Uint8Array(hashLength[hash]), key }
  }
  const key = { info: infoOf(suite, deriveKey), length: suite.keyLength }
  return { hash, salt: messageId, key, commitment: { info: commitKey, length: commitmentLength } }
}

/** 2 suite · label */
function infoOf(suite: Suite, label: Uint8Array): Uint8Array {
  const info = new Uint8Array(2 + label.length)
  info[0] = suite.id >> 8
  info[1] = suite.id & 0xff
  info.set(label, 2)
  return info
}
