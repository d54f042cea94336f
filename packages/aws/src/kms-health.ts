import type { KeyMetadata } from '@aws-sdk/client-kms'
import { type CallOptions, isPlainHttp, type KeyConcern, KeyfoldError, type KeyHealth } from '@keyfold/core'
import { hasAliasMoved } from './alias-moved.ts'
import { type KmsCaller, tokensOf } from './kms-calls.ts'
import type { Reach } from './kms-reach.ts'

/** What AWS KMS says of a key. */
export interface AwsKmsHealth extends KeyHealth {
  /** The ARN of the key; where an alias was configured, of the key that it leads to now. */
  readonly keyArn: string
  readonly multiRegion: boolean
  readonly concerns: readonly KeyConcern[]
}

/**
 * Two calls, and a third for an alias. Each needs a right of its own: where the second or the third is denied, the answer
 * says nothing of rotation, or of where the alias led before.
 *
 * @throws KeyfoldError `UNSUPPORTED` for a key that is not symmetric
 */
export async function describeKey(caller: KmsCaller, reach: Reach, options: CallOptions): Promise<AwsKmsHealth> {
  const { key, arn, endpoint } = await look(caller, reach.keyId, options)
  demandSymmetric(caller, key)
  const rotation = await rotationOf(caller, arn, options.signal)
  const { loneAlias } = reach
  const concerns: KeyConcern[] = []
  if (endpoint !== undefined && isPlainHttp(endpoint)) concerns.push('plain-http')
  if (loneAlias !== undefined && (await hasAliasMoved(caller, loneAlias, arn, options))) concerns.push('alias-moved')
  return {
    state: stateOf(key.KeyState),
    ...(key.CurrentKeyMaterialId === undefined ? {} : { version: key.CurrentKeyMaterialId }),
    ...(rotation === undefined ? {} : { rotation }),
    keyArn: arn,
    multiRegion: key.MultiRegion === true,
    concerns,
  }
}

/** A key of another kind may be enabled: it makes no data keys all the same. */
function demandSymmetric({ name }: KmsCaller, { KeySpec = symmetric }: KeyMetadata): void {
  if (KeySpec !== symmetric) throw new KeyfoldError('UNSUPPORTED', `${name}: its KeySpec is not ${symmetric}`)
}

const symmetric = 'SYMMETRIC_DEFAULT'

interface Look {
  readonly key: KeyMetadata
  readonly arn: string
  /** Where the call went, as client and environment had it. */
  readonly endpoint: URL | undefined
}

async function look(caller: KmsCaller, keyId: string, { signal }: CallOptions): Promise<Look> {
  const { name, connection, grantTokens } = caller
  const what = `${name}: DescribeKey`
  let endpoint: URL | undefined
  const { KeyMetadata: key } = await connection.call({
    what,
    signal,
    async work(client, { DescribeKeyCommand }) {
      const command = new DescribeKeyCommand({ KeyId: keyId, GrantTokens: await tokensOf(grantTokens) })
      command.middlewareStack.add(
        (next, context) => (args) => {
          endpoint = context.endpointV2?.url
          return next(args)
        },
        { step: 'build' },
      )
      return client.send(command, { abortSignal: signal })
    },
  })
  if (key?.Arn === undefined) throw new KeyfoldError('UNKNOWN', `${what}: the answer has no ARN`)
  return { key, arn: key.Arn, endpoint }
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
