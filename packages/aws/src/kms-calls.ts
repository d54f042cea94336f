import {
  type CallOptions,
  type EncryptedDataKey,
  type EncryptionContext,
  KeyfoldError,
  SecretBytes,
} from '@keyfold/core'
import type { KmsConnection } from './kms-client.ts'
import { type KmsArn, parseKeyArn } from './kms-key-id.ts'

/** Grant tokens, or what fetches them anew for each call. */
export type GrantTokens = readonly string[] | (() => Promise<readonly string[]>)

/** What every call of one key has in common. */
export interface KmsCaller {
  /** The provider's name, for errors. */
  readonly name: string
  readonly connection: KmsConnection
  readonly grantTokens: GrantTokens
}

/** What the data key is bound to, and under which name the service is asked. */
export interface SealTerms {
  readonly keyId: string
  readonly context: EncryptionContext
}

/** An entry, and the key that made it. */
export interface MadeEntry {
  readonly entry: EncryptedDataKey
  readonly arn: KmsArn
}

/** A data key of the service's making, with its entry. */
export async function generate(
  { name, connection, grantTokens }: KmsCaller,
  { keyId, length, context }: SealTerms & { readonly length: number },
  { signal }: CallOptions,
): Promise<MadeEntry & { readonly dataKey: SecretBytes }> {
  const what = `${name}: GenerateDataKey`
  const answer = await connection.call({
    what,
    signal,
    async work(client, { GenerateDataKeyCommand }) {
      const GrantTokens = await tokensOf(grantTokens)
      const input = { KeyId: keyId, NumberOfBytes: length, EncryptionContext: context, GrantTokens }
      return client.send(new GenerateDataKeyCommand(input), { abortSignal: signal })
    },
    discard: wipe,
  })
  const dataKey = takePlaintext(what, answer)
  try {
    return { dataKey, ...entryOf(what, answer) }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

/** The entry of a data key that another key generated. */
export async function encrypt(
  { name, connection, grantTokens }: KmsCaller,
  { keyId, dataKey, context }: SealTerms & { readonly dataKey: SecretBytes },
  { signal }: CallOptions,
): Promise<MadeEntry> {
  const what = `${name}: Encrypt`
  const answer = await connection.call({
    what,
    signal,
    async work(client, { EncryptCommand }) {
      const GrantTokens = await tokensOf(grantTokens)
      if (signal.aborted) throw signal.reason
      // A copy: the caller may release its own while the client, given up, still works.
      const Plaintext = Uint8Array.from(dataKey.bytes)
      try {
        const input = { KeyId: keyId, Plaintext, EncryptionContext: context, GrantTokens }
        return await client.send(new EncryptCommand(input), { abortSignal: signal })
      } finally {
        Plaintext.fill(0)
      }
    },
  })
  return entryOf(what, answer)
}

/** What is opened. */
export interface OpenTerms {
  /** The name to pin the call to, in the client's Region. */
  keyId(region: string): string
  readonly entry: EncryptedDataKey
  readonly context: EncryptionContext
}

/** The data key in a ciphertext, and the key that opened it. */
export async function decrypt(
  { name, connection, grantTokens }: KmsCaller,
  { keyId, entry, context }: OpenTerms,
  { signal }: CallOptions,
): Promise<{ readonly dataKey: SecretBytes; readonly arn: KmsArn | undefined }> {
  const what = `${name}: Decrypt`
  const answer = await connection.call({
    what,
    signal,
    async work(client, { DecryptCommand }) {
      const KeyId = keyId(await client.config.region())
      const GrantTokens = await tokensOf(grantTokens)
      const input = { KeyId, CiphertextBlob: entry.ciphertext, EncryptionContext: context, GrantTokens }
      return client.send(new DecryptCommand(input), { abortSignal: signal })
    },
    discard: wipe,
  })
  return { dataKey: takePlaintext(what, answer), arn: parseKeyArn(answer.KeyId ?? '') }
}

export async function tokensOf(grantTokens: GrantTokens): Promise<string[]> {
  return [...(typeof grantTokens === 'function' ? await grantTokens() : grantTokens)]
}

interface Plaintext {
  readonly Plaintext?: Uint8Array | undefined
}

function wipe({ Plaintext }: Plaintext): void {
  Plaintext?.fill(0)
}

/** The client's own buffer is wiped: it may be a part of Node's pool, where it would stay for long. */
function takePlaintext(what: string, { Plaintext }: Plaintext): SecretBytes {
  if (Plaintext === undefined) throw new KeyfoldError('UNKNOWN', `${what}: the answer has no plaintext`)
  const bytes = Uint8Array.from(Plaintext)
  Plaintext.fill(0)
  return SecretBytes.from(bytes)
}

function entryOf(
  what: string,
  { KeyId, CiphertextBlob }: { readonly KeyId?: string | undefined; readonly CiphertextBlob?: Uint8Array | undefined },
): MadeEntry {
  const arn = parseKeyArn(KeyId ?? '')
  if (arn === undefined) throw new KeyfoldError('UNKNOWN', `${what}: the answer's KeyId is not the ARN of a key`)
  if (CiphertextBlob === undefined) throw new KeyfoldError('UNKNOWN', `${what}: the answer has no ciphertext`)
  const providerInfo = new TextEncoder().encode(arn.text)
  return { entry: { providerId: 'aws-kms', providerInfo, ciphertext: Uint8Array.from(CiphertextBlob) }, arn }
}
