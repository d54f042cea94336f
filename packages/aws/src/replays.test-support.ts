/*
 * Each recorded call of an operation that is used here, made anew on a server. What is not is in
 * replay-exceptions.test-support.ts.
 */
import {
  CreateAliasCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  type DecryptCommandInput,
  DescribeKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  type EncryptCommandInput,
  type EncryptCommandOutput,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms'
import { createKey } from './kms-servers.test-support.ts'
import { kmsClient } from './kms-stub.test-support.ts'

export interface ReplayBench {
  readonly client: KMSClient
  /** The same service in another Region. */
  readonly abroad: KMSClient
}

/** Makes the call; its answer, or its error, is what is compared. */
export type Replay = (bench: ReplayBench) => Promise<object>

export function replayBench(url: string): ReplayBench {
  return { client: kmsClient(url), abroad: kmsClient(url, { region: 'us-east-1' }) }
}

const plaintext = new TextEncoder().encode('a text of some length')
const context = { purpose: 'replay' }
const noKey = '00000000-0000-0000-0000-000000000000'

const describe = (client: KMSClient, KeyId: string): Promise<object> => client.send(new DescribeKeyCommand({ KeyId }))
const rotation = (client: KMSClient, KeyId: string): Promise<object> =>
  client.send(new GetKeyRotationStatusCommand({ KeyId }))
const described: Replay = async ({ client }) => describe(client, await createKey(client))
const describedBy =
  (KeyId: string): Replay =>
  ({ client }) =>
    describe(client, KeyId)

async function encrypted(
  client: KMSClient,
  input: Partial<EncryptCommandInput> = {},
  key?: CreateKeyCommandInput,
): Promise<EncryptCommandOutput> {
  return client.send(new EncryptCommand({ KeyId: await createKey(client, key), Plaintext: plaintext, ...input }))
}

/** Encrypts, and decrypts what the change makes of it. */
function decrypted(change: (sealed: EncryptCommandOutput, blob: Uint8Array) => Partial<DecryptCommandInput>): Replay {
  return async ({ client }) => {
    const sealed = await encrypted(client, { EncryptionContext: context })
    const { KeyId, CiphertextBlob = new Uint8Array() } = sealed
    const input = { KeyId, CiphertextBlob, EncryptionContext: context, ...change(sealed, CiphertextBlob) }
    return client.send(new DecryptCommand(input))
  }
}

/** Decrypts without its context what was generated with one. */
function withoutContext(
  generate: (client: KMSClient, KeyId: string) => Promise<{ blob?: Uint8Array | undefined }>,
): Replay {
  return async ({ client }) => {
    const KeyId = await createKey(client)
    const { blob } = await generate(client, KeyId)
    return client.send(new DecryptCommand({ KeyId, CiphertextBlob: blob }))
  }
}

function rotated(days?: number): Replay {
  return async ({ client }) => {
    const KeyId = await createKey(client)
    await client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: days }))
    return rotation(client, KeyId)
  }
}

const replica: Replay = async ({ client, abroad }) => {
  const KeyId = await createKey(client, { MultiRegion: true })
  await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-east-1' }))
  return describe(abroad, KeyId.replace('eu-west-1', 'us-east-1'))
}

const afterRotation: Replay = async ({ client }) => {
  const KeyId = await createKey(client)
  await client.send(new RotateKeyOnDemandCommand({ KeyId }))
  return describe(client, KeyId)
}

const encrypts: Replay = ({ client }) => encrypted(client)
const decrypts = decrypted(() => ({}))
const opened = decrypted(() => ({ KeyId: undefined }))
const firstByte = decrypted((_, blob) => ({
  KeyId: undefined,
  CiphertextBlob: blob.map((byte, at) => (at === 0 ? byte ^ 3 : byte)),
}))
const lastByte = decrypted((_, blob) => ({
  KeyId: undefined,
  CiphertextBlob: blob.map((byte, at) => (at === blob.length - 1 ? byte ^ 3 : byte)),
}))

export const replays: Readonly<Record<string, Replay>> = {
  'create key / describe-key': described,
  'get key in different region / describe-key-diff-region-with-id': async ({ client, abroad }) =>
    describe(client, (await createKey(abroad)).split('/')[1] ?? ''),
  'get key in different region / describe-key-diff-region-with-arn': async ({ client, abroad }) =>
    describe(client, await createKey(abroad)),
  'get key in different region / describe-key-same-specific-region-with-id': async ({ abroad }) =>
    describe(abroad, (await createKey(abroad)).split('/')[1] ?? ''),
  'get key in different region / describe-key-same-specific-region-with-arn': async ({ abroad }) =>
    describe(abroad, await createKey(abroad)),
  'get key does not exist / describe-nonexistent-key-with-id': describedBy(noKey),
  'get key does not exist / describe-nonexistent-with-arn': async ({ client }) =>
    describe(client, (await createKey(client)).replace(/[^/]*$/, noKey)),
  'get key does not exist / describe-key-with-valid-id-mrk': describedBy('mrk-00000000000000000000000000000000'),
  'get key invalid uuid / describe-key-with-invalid-uuid': describedBy('fake-key-id'),
  'get key invalid uuid / describe-key-with-invalid-uuid-2': describedBy('134f2428cec14b25a1ae9048164dba47'),
  'get key invalid uuid / describe-key-with-invalid-uuid-mrk': describedBy('mrk-fake-key-id'),
  'replicate key / describe-key-from-different-region': async ({ client, abroad }) =>
    describe(abroad, (await createKey(client, { MultiRegion: true })).replace('eu-west-1', 'us-east-1')),
  'replicate key / describe-key-from-region': async ({ client }) =>
    describe(client, await createKey(client, { MultiRegion: true })),
  'replicate key / describe-replicated-key': replica,
  'import key symmetric / encrypt-before-import-error': ({ client }) => encrypted(client, {}, { Origin: 'EXTERNAL' }),
  'import key symmetric / describe-key-before-import': async ({ client }) =>
    describe(client, await createKey(client, { Origin: 'EXTERNAL' })),
  'error messaging for invalid keys / encrypt-invalid-key-id': ({ client }) =>
    encrypted(client, {}, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
  'error messaging for invalid keys / decrypt-invalid-key-id': async ({ client }) => {
    const { CiphertextBlob } = await encrypted(client)
    const KeyId = await createKey(client, { KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC' })
    return client.send(new DecryptCommand({ KeyId, CiphertextBlob }))
  },
  'plaintext size for encrypt / invalid-plaintext-size-encrypt': ({ client }) =>
    encrypted(client, { Plaintext: new Uint8Array(4097) }),
  'generate data key / generate-data-key-result': async ({ client }) =>
    client.send(new GenerateDataKeyCommand({ KeyId: await createKey(client), KeySpec: 'AES_256' })),
  'encrypt decrypt encryption context / encrypt_response': ({ client }) =>
    encrypted(client, { EncryptionContext: context }),
  'encrypt decrypt encryption context / decrypt_response_with_encryption_context': decrypts,
  'encrypt decrypt encryption context / decrypt_response_without_encryption_context': decrypted(() => ({
    EncryptionContext: {},
  })),
  'encrypt decrypt encryption context / decrypt_response_with_invalid_ciphertext': decrypted((_, blob) => ({
    // The key's name stands there on both servers: were a part of it left, chance would decide whether the rest reads as one.
    CiphertextBlob: blob.slice(noKey.length),
  })),
  'encryption context generate data key / decrypt-without-encryption-context': withoutContext(async (client, KeyId) => {
    const input = { KeyId, KeySpec: 'AES_256', EncryptionContext: context } as const
    return { blob: (await client.send(new GenerateDataKeyCommand(input))).CiphertextBlob }
  }),
  'encryption context generate data key without plaintext / decrypt-without-encryption-context': withoutContext(
    async (client, KeyId) => {
      const input = { KeyId, KeySpec: 'AES_256', EncryptionContext: context } as const
      return { blob: (await client.send(new GenerateDataKeyWithoutPlaintextCommand(input))).CiphertextBlob }
    },
  ),
  'encryption context generate data key pair / decrypt-without-encryption-context': withoutContext(
    async (client, KeyId) => {
      const input = { KeyId, KeyPairSpec: 'RSA_2048', EncryptionContext: context } as const
      return { blob: (await client.send(new GenerateDataKeyPairCommand(input))).PrivateKeyCiphertextBlob }
    },
  ),
  'encryption context generate data key pair without plaintext / decrypt-without-encryption-context': withoutContext(
    async (client, KeyId) => {
      const input = { KeyId, KeyPairSpec: 'RSA_2048', EncryptionContext: context } as const
      return {
        blob: (await client.send(new GenerateDataKeyPairWithoutPlaintextCommand(input))).PrivateKeyCiphertextBlob,
      }
    },
  ),
  'key enable rotation status[90] / match_response': rotated(90),
  'key enable rotation status[180] / match_response': rotated(180),
  'rotate key on demand with symmetric key and automatic rotation disabled / rotation-status-response-after-rotation':
    async ({ client }) => {
      const KeyId = await createKey(client)
      await client.send(new RotateKeyOnDemandCommand({ KeyId }))
      return rotation(client, KeyId)
    },
  'rotate key on demand with symmetric key and automatic rotation enabled / rotation-status-response-after-rotation':
    rotated(),
  'key rotations encryption decryption / bad-ciphertext': decrypted((_, blob) => ({
    CiphertextBlob: Uint8Array.of(...blob, 1, 2, 3, 4, 5, 6, 7, 8),
  })),
  'describe with alias arn / describe-key': async ({ client }) => {
    const arn = await createKey(client)
    const AliasName = `alias/${arn.split('/')[1]}`
    await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: arn }))
    return describe(client, arn.replace(/key\/.*/, AliasName))
  },
  'key rotation updates current key material id for aws symmetric keys / describe-key-before-rotation': described,
  'key rotation updates current key material id for aws symmetric keys / describe-key-after-rotation': afterRotation,
  'decrypt a malformed ciphertext / 1': ({ client }) => client.send(new DecryptCommand({ CiphertextBlob: plaintext })),
  'decrypt after changing the first byte, dropping a byte and changing the last byte / 1': encrypts,
  'decrypt after changing the first byte, dropping a byte and changing the last byte / 2': firstByte,
  'decrypt after changing the first byte, dropping a byte and changing the last byte / 3': decrypted((_, blob) => ({
    KeyId: undefined,
    CiphertextBlob: blob.filter((__, at) => at !== blob.length >> 1),
  })),
  'decrypt after changing the first byte, dropping a byte and changing the last byte / 4': lastByte,
  'encrypt and decrypt / 1': encrypts,
  'encrypt and decrypt / 2': opened,
  'encrypt the same plaintext twice and decrypt both / 1': encrypts,
  'encrypt the same plaintext twice and decrypt both / 2': encrypts,
  'encrypt the same plaintext twice and decrypt both / 3': opened,
  'encrypt the same plaintext twice and decrypt both / 4': opened,
  'encrypt with two keys and decrypt with each / 1': encrypts,
  'encrypt with two keys and decrypt with each / 2': encrypts,
  'encrypt with two keys and decrypt with each / 3': opened,
  'encrypt with two keys and decrypt with each / 4': opened,
  'describe key denied by key policy / 1': described,
  'rotation status of a key with imported material / 1': async ({ client }) =>
    rotation(client, await createKey(client, { Origin: 'EXTERNAL' })),
  'list key rotations: automatic, none, denied by key policy / 0': described,
  'list key rotations: automatic, none, denied by key policy / 2': described,
  'list key rotations: automatic, none, denied by key policy / 4': described,
  'enable automatic rotation / 0': async ({ client }) => rotation(client, await createKey(client)),
  'enable automatic rotation / 2': rotated(),
}
