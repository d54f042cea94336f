/*
 * The servers that stand for AWS KMS here, and where each is not the real service: what that answers was recorded, or is
 * documented.
 */
import { CreateKeyCommand, type CreateKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms'
import { availableServer, type Skip } from '@keyfold/testing/availability'
import { startLocalStack } from '@keyfold/testing/localstack'
import { startMoto } from '@keyfold/testing/moto'
import type { Located } from '@keyfold/testing/resolve'
import { localStack, moto } from '@keyfold/testing/servers'

/** A running server. */
export interface KmsServer extends AsyncDisposable {
  readonly url: string
}

/** A server as tests are made for it: before it is known to be there. */
export interface KmsServerRow {
  readonly name: 'moto' | 'LocalStack'
  readonly server: Located | Skip
  start(): Promise<KmsServer>
  /** Cases of the conformance kit that it fails and the service does not, each with the reason. The other server passes most. */
  readonly infidelities: Readonly<Record<string, string>>
}

const joinsPairs = {
  'opens under another context only where it binds none: the border of name and value moved':
    'it joins the pairs without separators, so that {a:"bc"} and {ab:"c"} are one',
}

const readsKeyFirst = 'it looks for a key in the ciphertext’s first bytes, and denies where there is none or another'

export const kmsServers: readonly KmsServerRow[] = [
  row('moto', await availableServer(moto), startMoto, {
    ...joinsPairs,
    'opens no ciphertext with a flipped bit': readsKeyFirst,
    'opens no ciphertext that is cut, extended, empty or random': readsKeyFirst,
    "opens no other key's ciphertext under its own info": readsKeyFirst,
  }),
  row('LocalStack', await availableServer(localStack), startLocalStack, {
    ...joinsPairs,
    'seals through core, or is refused as UNSUPPORTED': 'it answers 32 bytes to every NumberOfBytes',
    'generates data keys of 16, 24 and 32 bytes that their entries open to':
      'it answers 32 bytes to every NumberOfBytes',
  }),
]

function row(
  name: KmsServerRow['name'],
  server: Located | Skip,
  start: (options: { readonly executable: string }) => Promise<KmsServer>,
  infidelities: KmsServerRow['infidelities'],
): KmsServerRow {
  const startLocated = (): Promise<KmsServer> => {
    if (server.state === 'skipped') throw new Error(server.line)
    return start(server)
  }
  return { name, server, start: startLocated, infidelities }
}

/** A new key's ARN. By default a symmetric one. */
export async function createKey(client: KMSClient, input: CreateKeyCommandInput = {}): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand(input))
  if (KeyMetadata?.Arn === undefined) throw new Error('no ARN')
  return KeyMetadata.Arn
}
