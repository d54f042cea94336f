import type { CallOptions, KeyHealth } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { type KmsCaller, tokensOf } from './kms-calls.ts'

/** What AWS KMS says of a key. */
export interface AwsKmsHealth extends KeyHealth {
  /** The ARN of the key; where an alias was configured, of the key that it leads to now. */
  readonly keyArn: string
  readonly multiRegion: boolean
}

/** Two calls, of which the second needs a right of its own: where it is denied, the answer says nothing of rotation. */
export async function describeKey(caller: KmsCaller, keyId: string, { signal }: CallOptions): Promise<AwsKmsHealth> {
  const { name, connection, grantTokens } = caller
  const what = `${name}: DescribeKey`
  const { KeyMetadata: key } = await connection.call({
    what,
    signal,
    async work(client, { DescribeKeyCommand }) {
      const input = { KeyId: keyId, GrantTokens: await tokensOf(grantTokens) }
      return client.send(new DescribeKeyCommand(input), { abortSignal: signal })
    },
  })
  if (key?.Arn === undefined) throw new KeyfoldError('UNKNOWN', `${what}: the answer has no ARN`)
  const rotation = await rotationOf(caller, key.Arn, signal)
  return {
    state: stateOf(key.KeyState),
    ...(key.CurrentKeyMaterialId === undefined ? {} : { version: key.CurrentKeyMaterialId }),
    ...(rotation === undefined ? {} : { rotation }),
    keyArn: key.Arn,
    multiRegion: key.MultiRegion === true,
  }
}

/** A key of a state that is not here, such as one whose material is missing, neither seals nor opens. */
function stateOf(state: string | undefined): KeyHealth['state'] {
  const states: Readonly<Record<string, KeyHealth['state']>> = {
    Enabled: 'enabled',
    Updating: 'enabled', // a multi-Region key that becomes the primary one works on meanwhile
    PendingDeletion: 'pending-deletion',
    PendingReplicaDeletion: 'pending-deletion',
  }
  return states[state ?? ''] ?? 'disabled'
}

/** Denied, or not to be said of a key of this kind or state. */
const untold: readonly string[] = ['ACCESS_DENIED', 'UNSUPPORTED', 'KEY_DISABLED']

async function rotationOf(
  { name, connection }: KmsCaller,
  arn: string,
  signal: AbortSignal,
): Promise<KeyHealth['rotation']> {
  try {
    const { KeyRotationEnabled } = await connection.call({
      what: `${name}: GetKeyRotationStatus`,
      signal,
      // An alias is not taken here.
      work: (client, { GetKeyRotationStatusCommand }) =>
        client.send(new GetKeyRotationStatusCommand({ KeyId: arn }), { abortSignal: signal }),
    })
    return KeyRotationEnabled === true ? 'on' : 'off'
  } catch (error) {
    if (KeyfoldError.is(error) && untold.includes(error.code)) return undefined
    throw error
  }
}
