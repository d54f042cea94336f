/*
 * What an entry of AWS KMS holds, frozen: messages that every release has to open. No server can hold the real service's
 * key, so the stub answers from the vector, and what it is asked is held against the vector too. The data keys are public.
 */
import { readFileSync } from 'node:fs'
import { createEnvelope, inspect } from '@keyfold/core'
import { expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { base64, startKmsStub } from './kms-stub.test-support.ts'

interface Vector {
  readonly name: string
  readonly keyArn: string
  readonly ciphertextBlob: string
  readonly dataKey: string
  /** As the service is to get it: a signed message's public key is in it. */
  readonly context: Readonly<Record<string, string>>
  readonly plaintext: string
  readonly message: string
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('entries.test-vectors.json', import.meta.url), 'utf8'),
)

it.each(vectors)(
  'opens the frozen message of $name',
  async ({ keyArn, ciphertextBlob, dataKey, context, plaintext, message }) => {
    await using stub = await startKmsStub()
    stub.answer({ KeyId: keyArn, Plaintext: dataKey })
    const bytes = new Uint8Array(Buffer.from(message, 'base64'))
    const opened = await createEnvelope({ keys: awsKms(keyArn, { client: stub.client() }) }).decrypt(bytes)
    expect(new TextDecoder().decode(opened.plaintext)).toBe(plaintext)
    expect(stub.calls.map(({ body }) => body)).toEqual([
      { KeyId: keyArn, CiphertextBlob: ciphertextBlob, EncryptionContext: context, GrantTokens: [] },
    ])
    const [entry] = inspect(bytes).encryptedDataKeys
    expect(entry?.providerId).toBe('aws-kms')
    expect(new TextDecoder().decode(entry?.providerInfo)).toBe(keyArn)
    expect(base64(entry?.ciphertext ?? new Uint8Array())).toBe(ciphertextBlob)
  },
)
