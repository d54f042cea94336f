import type { protos } from '@google-cloud/kms'
import { KeyfoldError, type KeyHealth } from '@keyfold/core'

/**
 * What the service tells of a key. Its state is that of the primary version, which seals; older versions have their own.
 *
 * @throws KeyfoldError `UNSUPPORTED` for a key that does not seal data keys; `UNKNOWN` for a state of the primary version
 *   that has no word here, such as a generation that is not done
 */
export function keyHealth(name: string, key: protos.google.cloud.kms.v1.ICryptoKey): KeyHealth {
  if (key.purpose !== 'ENCRYPT_DECRYPT') {
    throw new KeyfoldError('UNSUPPORTED', `${name}: its purpose is not ENCRYPT_DECRYPT`)
  }
  const rotation = key.rotationPeriod ? 'on' : 'off'
  const { primary } = key
  // Without a primary version nothing can be sealed until somebody makes one.
  if (!primary) return { state: 'disabled', rotation }
  const state = states[String(primary.state)]
  if (state === undefined) throw new KeyfoldError('UNKNOWN', `${name}: the primary version is in a state of its own`)
  const version = /\/cryptoKeyVersions\/(\d+)$/.exec(primary.name ?? '')?.[1]
  return { state, rotation, ...(version !== undefined && { version }) }
}

/** Source: CryptoKeyVersion.CryptoKeyVersionState */
const states: Readonly<Record<string, KeyHealth['state']>> = {
  ENABLED: 'enabled',
  DISABLED: 'disabled',
  DESTROY_SCHEDULED: 'pending-deletion',
  DESTROYED: 'destroyed',
}
