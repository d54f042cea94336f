import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv, type KeyObject } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { type Suite, tagLength } from '../suite/table.ts'
import type { OneShotAead } from './frames.ts'

export interface NodeAead extends OneShotAead {
  /** @returns the ciphertext's pieces and then the tag */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): readonly Uint8Array[]
  /** @returns one piece where there is no more than {@link pieceLength}, an empty one too */
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): readonly Uint8Array[]
}

/**
 * How much is given in one array. A stream hands each on as a chunk, whose memory is its reader's, and what is on its way
 * through streams is counted in chunks.
 */
const pieceLength = 64 * 1024

/** AES-GCM under one key. */
export function gcm(algorithm: Suite['cipher'], key: KeyObject): NodeAead {
  return {
    seal(iv, aad, plaintext) {
      const cipher = createCipheriv(algorithm, key, iv)
      cipher.setAAD(aad)
      const pieces = updateInPieces(cipher, plaintext)
      cipher.final()
      pieces.push(cipher.getAuthTag())
      return pieces
    },
    open(iv, aad, ciphertext, tag) {
      if (tag.length !== tagLength) throw refusal(`a tag of ${tag.length} bytes: expected ${tagLength}`)
      const decipher = createDecipheriv(algorithm, key, iv)
      decipher.setAAD(aad)
      decipher.setAuthTag(tag)
      const pieces = updateInPieces(decipher, ciphertext)
      try {
        decipher.final()
      } catch {
        for (const piece of pieces) wipe(piece)
        throw refusal('a tag does not hold: the key is wrong or the bytes were altered')
      }
      // A new array for nothing too: it is the caller's, who may transfer its buffer away.
      return pieces.length === 0 ? [new Uint8Array(0)] : pieces
    },
  }
}

function updateInPieces(cipher: Cipheriv | Decipheriv, bytes: Uint8Array): Uint8Array[] {
  if (bytes.length === 0) return []
  if (bytes.length <= pieceLength) return [cipher.update(bytes)]
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += pieceLength)
    pieces.push(cipher.update(bytes.subarray(at, at + pieceLength)))
  return pieces
}

function refusal(message: string): KeyfoldError {
  return new KeyfoldError('AUTHENTICATION_FAILED', message)
}
