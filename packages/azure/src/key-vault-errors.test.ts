import { type Fault, serverError, throttled } from '@keyfold/testing/azure/key-vault'
import { errorCodes, noRecordings, readAzureRecordings } from '@keyfold/testing/azure/recordings'
import { describe, expect, test } from 'vitest'
import { keyVault } from './key-vault.ts'
import { Answer } from './key-vault-answer.ts'
import { keyVaultError } from './key-vault-errors.ts'
import { credential, dataKeyOf, failureOf, plainContext, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()

const refusal = (status: number, code: string, inner?: string): Fault => {
  return {
    kind: 'refusal',
    error: { status, code, message: 'It says why.', ...(inner === undefined ? {} : { inner }) },
  }
}

async function failures(name = 'orders', options: Parameters<typeof fixture.key>[1] = {}): Promise<readonly unknown[]> {
  const key = fixture.key(name, { retry: { maxRetries: 0 }, ...options })
  const kid = `${fixture.server().vaultUrl}/keys/${name}/${'0'.repeat(32)}`
  const providerInfo = new TextEncoder().encode(`${kid}#RSA-OAEP-256`)
  const entry = { providerId: 'azure-keyvault', providerInfo, ciphertext: new Uint8Array(256) }
  return [
    await failureOf(key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, unhurried)),
    await failureOf(key.unwrapDataKey?.({ entry, length: 32, ...plainContext }, unhurried)),
    await failureOf(key.describe?.(unhurried)),
  ]
}

/** Fault, and what it means when wrapping, unwrapping and describing; one code where they agree. */
const rows: readonly (readonly [string, Fault, string | readonly [string, string, string], boolean])[] = [
  ['a disabled key', refusal(403, 'Forbidden', 'KeyDisabled'), 'KEY_DISABLED', false],
  ['an expired key', refusal(403, 'Forbidden', 'KeyExpired'), 'KEY_DISABLED', false],
  ['a key before its time', refusal(403, 'Forbidden', 'KeyNotYetValid'), 'KEY_DISABLED', false],
  ['a key that is being deleted', refusal(409, 'Conflict', 'ObjectIsBeingDeleted'), 'KEY_DISABLED', false],
  ['a deleted key', refusal(409, 'Conflict', 'ObjectIsDeletedButRecoverable'), 'KEY_DISABLED', false],
  ['a missing role', refusal(403, 'Forbidden', 'ForbiddenByRbac'), 'ACCESS_DENIED', false],
  ['a missing access policy', refusal(403, 'Forbidden', 'ForbiddenByPolicy'), 'ACCESS_DENIED', false],
  ['the firewall', refusal(403, 'Forbidden', 'ForbiddenByFirewall'), 'ACCESS_DENIED', false],
  ['an operation that the key lacks', refusal(403, 'Forbidden', 'KeyOperationForbidden'), 'ACCESS_DENIED', false],
  ['a refusal without an inner code', refusal(403, 'Forbidden'), 'ACCESS_DENIED', false],
  [
    'a refused parameter',
    refusal(400, 'BadParameter'),
    ['INVALID_ARGUMENT', 'AUTHENTICATION_FAILED', 'INVALID_ARGUMENT'],
    false,
  ],
  ['what is not supported', refusal(400, 'NotSupported'), 'UNSUPPORTED', false],
  ['a missing key', refusal(404, 'KeyNotFound'), 'KEY_NOT_FOUND', false],
  ['a time-out of the service', refusal(408, 'RequestTimeout'), 'TIMEOUT', true],
  ['throttling', throttled(), 'THROTTLED', true],
  ['an error of the server', serverError(500), 'UNAVAILABLE', true],
  ['a bad gateway', serverError(502), 'UNAVAILABLE', true],
  ['an unavailable service', serverError(503), 'UNAVAILABLE', true],
  ['a gateway without an answer', serverError(504), 'UNAVAILABLE', true],
  ['a reset connection', { kind: 'reset' }, 'UNAVAILABLE', true],
  ['an answer that is cut', { kind: 'truncated' }, 'TRANSPORT_CORRUPTION', true],
  ['an answer that is no JSON', { kind: 'answer', status: 200, body: '{"kid":' }, 'TRANSPORT_CORRUPTION', true],
  ['an unavailable gateway that has no body', { kind: 'answer', status: 503 }, 'UNAVAILABLE', true],
  ['a bad gateway with a page', { kind: 'answer', status: 502, body: '<html></html>' }, 'UNAVAILABLE', true],
  ['throttling without a body', { kind: 'answer', status: 429 }, 'THROTTLED', true],
  ['a refused token without a body', { kind: 'answer', status: 401 }, 'UNAUTHENTICATED', false],
  ['a denial without a body', { kind: 'answer', status: 403 }, 'ACCESS_DENIED', false],
  ['an error that is not in the table', refusal(418, 'Teapot'), 'UNKNOWN', false],
  ['a 404 of something else', refusal(404, 'NotAVault'), 'UNKNOWN', false],
  ['a 400 of something else', refusal(400, 'SomethingElse'), 'UNKNOWN', false],
]

describe('through the real client,', () => {
  test.each(rows)('%s', async (_, fault, codes, retryable) => {
    fixture.service().log.fault(fault)
    const [wrap, unwrap, describing] = typeof codes === 'string' ? [codes, codes, codes] : codes
    expect(await failures()).toMatchObject([wrap, unwrap, describing].map((code) => ({ code, retryable })))
  })

  test('a refused token', async () => {
    const failed = await failures('orders', { credential: credential('unknown') })
    expect(failed).toMatchObject(Array(3).fill({ code: 'UNAUTHENTICATED', retryable: false }))
  })

  test('a credential that has no token', async () => {
    const { CredentialUnavailableError } = await import('@azure/identity')
    const getToken = () => Promise.reject(new CredentialUnavailableError('none here'))
    const failed = await failures('orders', { credential: { getToken } })
    expect(failed).toMatchObject(Array(3).fill({ code: 'UNAUTHENTICATED', retryable: false }))
  })

  test('a challenge that names another domain', async () => {
    const { ca } = fixture.server()
    const failed = await failures('orders', { clientOptions: { tlsOptions: { ca } } })
    expect(failed).toMatchObject(
      Array(3).fill({ code: 'UNAUTHENTICATED', message: expect.stringContaining('challenge') }),
    )
  })

  test('a server whose certificate nobody trusts', async () => {
    const failed = await failures('orders', { clientOptions: { disableChallengeResourceVerification: true } })
    expect(failed).toMatchObject(Array(3).fill({ code: 'UNAVAILABLE', retryable: false }))
  })

  test('a closed port', async () => {
    const { ca } = fixture.server()
    const hosts = ['127.0.0.1:1']
    const closed = keyVault('https://127.0.0.1:1/keys/orders', {
      credential: credential(),
      hosts,
      clientOptions: { tlsOptions: { ca } },
      retry: { maxRetries: 0 },
    })
    expect(await failureOf(closed.describe?.(unhurried))).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  test('the message says which key, what was done, the codes, and no more', async () => {
    fixture.service().log.fault({
      kind: 'answer',
      status: 403,
      headers: { 'x-ms-request-id': '11111111-2222-3333-4444-555555555555' },
      body: { error: { code: 'Forbidden', message: 'secret-text', innererror: { code: 'ForbiddenByRbac' } } },
    })
    const [failed] = await failures()
    const host = fixture.server().vaultUrl.slice(8)
    expect(failed).toMatchObject({
      message: `${host}/keys/orders: wrap: access is denied (403, Forbidden, ForbiddenByRbac, request 11111111-2222-3333-4444-555555555555)`,
      cause: { status: 403, code: 'Forbidden', inner: 'ForbiddenByRbac', name: 'RestError' },
    })
    expect(Object.values(Object(failed).cause)).not.toContain('secret-text')
  })
})

describe('recorded and documented refusals', () => {
  const scenarios = [
    ...(readAzureRecordings('keys.json') ?? []),
    ...(readAzureRecordings('documented-examples.json') ?? []),
  ]
  const answers = new Map(
    scenarios.flatMap(({ exchanges }) =>
      exchanges.flatMap(({ response: { status, body } }) => {
        const { code = '', inner = '' } = errorCodes(body)
        return status < 400 || status === 401 ? [] : [[`${status} ${code} ${inner}`.trim(), { status, body }] as const]
      }),
    ),
  )
  /** What each means when a key is wrapped, unwrapped or described. */
  const meanings: Readonly<Record<string, readonly [string, string, string]>> = {
    '400': ['UNKNOWN', 'UNKNOWN', 'UNKNOWN'], // a page of HTML, for a path that is none
    '400 BadParameter': ['INVALID_ARGUMENT', 'AUTHENTICATION_FAILED', 'INVALID_ARGUMENT'],
    '400 NotSupported': ['UNSUPPORTED', 'UNSUPPORTED', 'UNSUPPORTED'],
    '400 MalformedBackupBlob': ['UNKNOWN', 'UNKNOWN', 'UNKNOWN'],
    '400 Malformed backup blob': ['UNKNOWN', 'UNKNOWN', 'UNKNOWN'],
    '403 Forbidden KeyManagedByKeyVault': ['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    '403 Forbidden AccessDenied': ['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    '403 Forbidden KeyOperationForbidden': ['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    '404 KeyNotFound': ['KEY_NOT_FOUND', 'KEY_NOT_FOUND', 'KEY_NOT_FOUND'],
    '409 Conflict': ['UNKNOWN', 'UNKNOWN', 'UNKNOWN'],
    '409 Conflict ObjectIsBeingDeleted': ['KEY_DISABLED', 'KEY_DISABLED', 'KEY_DISABLED'],
    '409 Conflict ObjectIsDeletedButRecoverable': ['KEY_DISABLED', 'KEY_DISABLED', 'KEY_DISABLED'],
  }

  if (answers.size === 0) test('mean what the table says', ({ skip }) => skip(noRecordings))
  else {
    test('are all in this table', () => expect([...answers.keys()].sort()).toEqual(Object.keys(meanings).sort()))
    test.each([...answers])('%s', async (what, { status, body }) => {
      fixture.service().log.fault({ kind: 'answer', status, body })
      expect(await failures()).toMatchObject((meanings[what] ?? []).map((code) => ({ code, retryable: false })))
    })
  }
})

test('an error that is no RestError is UNKNOWN, whatever it is', () => {
  for (const error of [new TypeError('x'), 'text', undefined, null, 7, {}]) {
    expect(keyVaultError(error, 'k', 'wrap', { ...unhurried, answer: new Answer() })).toMatchObject({
      code: 'UNKNOWN',
      retryable: false,
    })
  }
})
