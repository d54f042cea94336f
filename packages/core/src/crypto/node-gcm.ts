import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { type Suite, tagLength } from '../suite/table.ts'
import type { OneShotAead } from './frames.ts'

const empty = new Uint8Array(0)

interface NodeAead extends OneShotAead {
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): readonly [ciphertext: Uint8Array, tag: Uint8Array]
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array
}

/** AES-GCM under one key. */
export function gcm(algorithm: Suite['cipher'], key: KeyObject): NodeAead {
  return {
    seal(iv, aad, plaintext) {
      const cipher = createCipheriv(algorithm, key, iv)
      cipher.setAAD(aad)
      const ciphertext = plaintext.length === 0 ? empty : cipher.update(plaintext)
      cipher.final()
      return [ciphertext, cipher.getAuthTag()]
    },
    open(iv, aad, ciphertext, tag) {
      // Without authTagLength a shorter tag would do.
      const decipher = createDecipheriv(algorithm, key, iv, { authTagLength: tagLength })
      decipher.setAAD(aad)
      decipher.setAuthTag(tag)
      const plaintext = ciphertext.length === 0 ? empty : decipher.update(ciphertext)
      try {
        decipher.final()
      } catch {
        plaintext.fill(0)
        throw new KeyfoldError('AUTHENTICATION_FAILED', 'a tag does not hold: the key is wrong or the bytes were altered')
      }
      return plaintext
    },
  }
}
