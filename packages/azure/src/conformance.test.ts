import type { KeyProvider } from '@keyfold/core'
import { type FailureKind, type KeyProviderSubject, keyProviderCases } from '@keyfold/core/conformance'
import { type Fault, type SeenRequest, serverError, throttled } from '@keyfold/testing/azure/key-vault'
import { describe, test } from 'vitest'
import type { KeyVaultAlgorithm } from './index.ts'
import { credential, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()

describe.each([
  ['RSA-OAEP-256', { bindsContext: false, authenticatesWriter: false }],
  ['A256KW', { bindsContext: false, authenticatesWriter: true }],
  ['A256GCM', { bindsContext: true, authenticatesWriter: true }],
] as const)('a key with %s', (algorithm, claims) => {
  const options = { algorithm }
  const subject: KeyProviderSubject = {
    provider: () => fixture.key('orders', options),
    other: () => fixture.key('other', options),
    expects: { ...claims, capabilities: ['wrapDataKey', 'unwrapDataKey', 'describe'] },
    stalled: stalled(algorithm),
    failures: failures(algorithm),
  }
  for (const { name, skip, run } of keyProviderCases(subject))
    test(name, ({ skip: leave }) => (skip ? leave(skip) : run()))
})

/** The same key, asked with a token of its own that meets the silence: the others' calls go well meanwhile. */
function stalled(algorithm: KeyVaultAlgorithm): () => KeyProvider {
  return () => {
    const service = fixture.service(algorithm)
    service.tokens.add('unheard')
    service.log.fault({ kind: 'hang' }, { when: ({ token }) => token === 'unheard' })
    return fixture.key('orders', { algorithm, credential: credential('unheard') })
  }
}

/** Likewise, where the token meets the failure. */
function failures(algorithm: KeyVaultAlgorithm): { readonly [Kind in FailureKind]: () => KeyProvider } {
  const failing = (token: string) => () => {
    const service = fixture.service(algorithm)
    const when = (request: SeenRequest): boolean => request.token === token
    if (token !== 'unknown') service.tokens.add(token)
    if (token === 'denied') service.deny(['wrapKey', 'unwrapKey', 'encrypt', 'decrypt'], 'ForbiddenByRbac', token)
    const fault = faults[token]
    if (fault !== undefined) service.log.fault(fault, { when })
    const retry = { maxRetries: 1, delayMs: 1 }
    return fixture.key('orders', { algorithm, retry, credential: credential(token) })
  }
  return {
    denied: failing('denied'),
    unauthenticated: failing('unknown'),
    missing: failing('missing'),
    disabled: failing('disabled'),
    throttled: failing('throttled'),
    unavailable: failing('unavailable'),
  }
}

const faults: Readonly<Record<string, Fault>> = {
  missing: { kind: 'refusal', error: { status: 404, code: 'KeyNotFound', message: 'Key not found' } },
  disabled: { kind: 'refusal', error: { status: 403, code: 'Forbidden', message: 'Disabled', inner: 'KeyDisabled' } },
  throttled: throttled(),
  unavailable: serverError(503),
}
