import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { type Suite, tagLength } from '../suite/table.ts'
import type { OneShotAead } from './frames.ts'

const empty = new Uint8Array(0)

export interface NodeAead extends OneShotAead {
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): readonly [ciphertext: Uint8Array, tag: Uint8Array]
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array
}

/** AES-GCM under one key. */
export function gcm(algorithm: Suite['cipher'], key: KeyObject): NodeAead {
  return {
    seal(iv, aad, plaintext) {
      demandFits(plaintext)
      const cipher = createCipheriv(algorithm, key, iv)
      cipher.setAAD(aad)
      const ciphertext = plaintext.length === 0 ? empty : cipher.update(plaintext)
      cipher.final()
      return [ciphertext, cipher.getAuthTag()]
    },
    open(iv, aad, ciphertext, tag) {
      demandFits(ciphertext)
      if (tag.length !== tagLength) throw refusal(`a tag of ${tag.length} bytes: expected ${tagLength}`)
      const decipher = createDecipheriv(algorithm, key, iv)
      decipher.setAAD(aad)
      decipher.setAuthTag(tag)
      // A new array for nothing too: it is the caller's, who may transfer its buffer away.
      const plaintext = ciphertext.length === 0 ? new Uint8Array(0) : decipher.update(ciphertext)
      try {
        decipher.final()
      } catch {
        wipe(plaintext)
        throw refusal('a tag does not hold: the key is wrong or the bytes were altered')
      }
      return plaintext
    },
  }
}

function refusal(message: string): KeyfoldError {
  return new KeyfoldError('AUTHENTICATION_FAILED', message)
}

/** What Node takes in one call: with the cipher's block, a byte in GCM, it must be an `int` of OpenSSL's. */
const maxCallBytes = 2 ** 31 - 2

function demandFits({ length }: Uint8Array): void {
  if (length <= maxCallBytes) return
  throw new KeyfoldError('LIMIT_EXCEEDED', `a frame of ${length} bytes: node:crypto takes at most ${maxCallBytes}`)
}
