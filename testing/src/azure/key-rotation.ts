import type { KeyOperation } from './key-route.ts'
import type { KeyStore, LifetimeAction, RotationPolicy, StoredKey } from './key-store.ts'
import { Refusal } from './service-error.ts'

const notify: LifetimeAction = { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Notify' } }

/** A vault answers its default for a key without a policy, a managed HSM an empty one. */
export function policyBody({ kind }: KeyStore, baseUrl: string, { name, policy }: StoredKey): unknown {
  if (policy === undefined) {
    return kind === 'vault'
      ? { lifetimeActions: [notify], attributes: null }
      : { id: '', attributes: { expiryTime: '', created: 0, updated: 0 } }
  }
  const { lifetimeActions, attributes, created } = policy
  const prefix = kind === 'vault' ? `${baseUrl}/` : ''
  return {
    id: `${prefix}keys/${name}/rotationpolicy`,
    lifetimeActions,
    attributes: { ...attributes, created, updated: created },
  }
}

export function setPolicy(
  store: KeyStore,
  baseUrl: string,
  key: StoredKey,
  body: Readonly<Record<string, unknown>>,
): unknown {
  const { lifetimeActions = [], attributes = {} } = body as Partial<RotationPolicy> // as the client typed it
  key.policy = {
    lifetimeActions: store.kind === 'vault' ? completed(lifetimeActions) : lifetimeActions,
    attributes,
    created: store.seconds(),
  }
  return policyBody(store, baseUrl, key)
}

/** A vault writes the types in its own way, and adds its default notice. */
function completed(actions: readonly LifetimeAction[]): readonly LifetimeAction[] {
  const named = actions.map(({ trigger, action: { type } }) => {
    return { trigger, action: { type: type.slice(0, 1).toUpperCase() + type.slice(1).toLowerCase() } }
  })
  return named.some(({ action }) => action.type === 'Notify') ? named : [...named, notify]
}

/** Managed HSMs of the older interface had no rotation by request. */
export function demandRotation({ kind }: KeyStore, operation: KeyOperation, apiVersion: string): void {
  if (kind === 'vault' || operation !== 'rotate' || !/^7\.[0-3]$/.test(apiVersion)) return
  throw new Refusal({ status: 400, code: 'NotSupported', message: "action 'rotate' not supported" })
}
