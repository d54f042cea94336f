import { constants, type KeyObject, privateDecrypt, publicEncrypt, scrypt } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { tagLength } from '../suite/table.ts'
import { concat } from '../wire/bytes.ts'
import { gcm } from './node-gcm.ts'
import { importRsa, importSecret } from './node-key-import.ts'
import type { RsaPadding, Wrapping } from './wrapping.ts'

const ciphers = new Map([
  [16, 'aes-128-gcm'],
  [24, 'aes-192-gcm'],
  [32, 'aes-256-gcm'],
] as const)

interface NodePadding {
  readonly padding: number
  readonly oaepHash?: string
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING } = constants

/** MGF1 uses the same hash, as the format has it. Source: raw-rsa-keyring.md, "Padding Scheme" */
const paddings: Readonly<Record<RsaPadding, NodePadding>> = {
  pkcs1: { padding: RSA_PKCS1_PADDING },
  'oaep-sha1': { padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  'oaep-sha256': { padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  'oaep-sha384': { padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha384' },
  'oaep-sha512': { padding: RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
}

/** Wrapping on `node:crypto`. */
export const nodeWrapping: Wrapping = {
  importAesKey(key) {
    const secret = importSecret(key)
    const cipher = ciphers.get(secret.symmetricKeySize as 16 | 24 | 32) // a miss is refused below
    if (cipher === undefined) {
      throw invalid(`an AES key of ${secret.symmetricKeySize ?? 0} bytes: expected 16, 24 or 32`)
    }
    const aead = gcm(cipher, secret)
    return {
      seal: (iv, aad, plaintext) => concat(aead.seal(iv, aad, plaintext)),
      open(iv, aad, sealed) {
        if (sealed.length < tagLength)
          throw new KeyfoldError('AUTHENTICATION_FAILED', 'sealed bytes without a whole tag')
        const end = sealed.length - tagLength
        const pieces = aead.open(iv, aad, sealed.subarray(0, end), sealed.subarray(end))
        const [opened] = pieces
        if (opened !== undefined && pieces.length === 1) return opened
        const whole = concat(pieces)
        for (const piece of pieces) wipe(piece)
        return whole
      },
    }
  },

  importRsaPublicKey(key, padding) {
    const publicKey = importRsa('public', key, padding)
    return {
      encrypt(plaintext) {
        try {
          return publicEncrypt({ key: publicKey, ...paddings[padding] }, plaintext)
        } catch (cause) {
          throw new KeyfoldError(
            'INVALID_ARGUMENT',
            `the RSA key cannot seal ${plaintext.length} bytes with ${padding}`,
            { cause },
          )
        }
      },
    }
  },

  importRsaPrivateKey(key, padding) {
    const privateKey = importRsa('private', key, padding)
    const modulusBytes = Math.ceil((privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
    if (padding === 'pkcs1') demandPkcs1(privateKey, modulusBytes)
    return {
      decrypt(ciphertext) {
        // OpenSSL takes a ciphertext without its leading zeros. Source: RFC 8017, sections 7.1.2 and 7.2.2, step 1
        if (ciphertext.length !== modulusBytes) throw rsaRefusal()
        try {
          return privateDecrypt({ key: privateKey, ...paddings[padding] }, ciphertext)
        } catch {
          throw rsaRefusal()
        }
      },
    }
  },

  scrypt(passphrase, { salt, N, r, p }) {
    // Node takes a zero for its own default.
    if (![N, r, p].every((value) => Number.isInteger(value) && value > 0)) {
      throw invalid(`scrypt with N ${N}, r ${r}, p ${p}: expected positive integers`)
    }
    const maxmem = 2 * 128 * N * r // OpenSSL counts a little more than the 128 · N · r that the standard names
    return new Promise<Uint8Array>((resolve, reject) => {
      scrypt(passphrase, salt, 32, { N, r, p, maxmem }, (error, key) => (error === null ? resolve(key) : reject(error)))
    }).catch(() => {
      throw invalid(`scrypt with N ${N}, r ${r}, p ${p} cannot be computed`)
    })
  },
}

/**
 * Node refuses to open PKCS#1 v1.5 where its OpenSSL, older than 3.2, cannot hide bad padding. Found out before there is any
 * ciphertext: later, every refusal has to look like a wrong key.
 */
function demandPkcs1(key: KeyObject, modulusBytes: number): void {
  try {
    privateDecrypt({ key, ...paddings.pkcs1 }, new Uint8Array(modulusBytes))
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_INVALID_ARG_VALUE')) return
    const message = `this Node (OpenSSL ${process.versions.openssl}) opens no PKCS#1 v1.5: it takes OpenSSL 3.2 or later`
    throw new KeyfoldError('UNSUPPORTED', message, { cause })
  }
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}

function rsaRefusal(): KeyfoldError {
  return new KeyfoldError('AUTHENTICATION_FAILED', 'RSA: the key is wrong or the bytes were altered')
}
