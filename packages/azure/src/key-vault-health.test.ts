import { describe, expect, test } from 'vitest'
import { failureOf, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()
const described = (name: string) => fixture.key(name).describe?.(unhurried)

describe('a key describes itself', () => {
  test('with its current version, or the one of its URL', async () => {
    const { keys } = fixture.service()
    const { version: first } = keys.create('versions', { kty: 'RSA' })
    const { version: second } = keys.rotate('versions')
    expect(await described('versions')).toEqual({ state: 'enabled', version: second, rotation: 'off' })
    expect(await described(`versions/${first}`)).toEqual({ state: 'enabled', version: first, rotation: 'off' })
  })

  test.each([
    ['disabled', { enabled: false }, 'disabled'],
    ['expired', { exp: 1000 }, 'disabled'],
    ['before its time', { nbf: 4_000_000_000 }, 'disabled'],
    ['within its time', { nbf: 1000, exp: 4_000_000_000 }, 'enabled'],
  ] as const)('%s', async (name, attributes, state) => {
    const key = name.replaceAll(' ', '-')
    fixture.service().keys.create(key, { kty: 'RSA' }, { attributes })
    expect(await described(key)).toMatchObject({ state })
  })

  const both = ['wrapKey', 'unwrapKey', 'encrypt', 'decrypt']
  test.each([
    ['RSA-OAEP-256', 'EC', both, 'its type is not RSA or RSA-HSM'],
    ['RSA-OAEP-256', 'RSA', ['sign', 'verify'], 'lack wrapKey and unwrapKey'],
    ['RSA-OAEP-256', 'RSA', ['encrypt', 'decrypt', 'unwrapKey'], 'lack wrapKey'],
    ['A256KW', 'RSA-HSM', both, 'its type is not oct or oct-HSM'],
    ['A256KW', 'oct-HSM', ['encrypt', 'decrypt', 'wrapKey'], 'lack unwrapKey'],
    ['A256GCM', 'RSA-HSM', both, 'its type is not oct or oct-HSM'],
    ['A256GCM', 'oct-HSM', ['wrapKey', 'unwrapKey'], 'lack encrypt and decrypt'],
  ] as const)('not for %s, where its type is %s and it permits %j', async (algorithm, kty, keyOps, says) => {
    const { keys, log } = fixture.service(algorithm)
    keys.create('unfit', { kty }, { keyOps })
    const failed = await failureOf(fixture.key('unfit', { algorithm }).describe?.(unhurried))
    expect(failed).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining(says) })
    expect(log.requests.filter(({ path }) => path.includes('rotationpolicy'))).toEqual([])
  })

  test.each([
    ['RSA-OAEP-256', 'RSA', ['wrapKey', 'unwrapKey']],
    ['RSA-OAEP-256', 'RSA-HSM', ['wrapKey', 'unwrapKey']],
    ['A256KW', 'oct-HSM', ['wrapKey', 'unwrapKey']],
    ['A256GCM', 'oct-HSM', ['encrypt', 'decrypt']],
  ] as const)('for %s, where its type is %s and it permits %j alone', async (algorithm, kty, keyOps) => {
    fixture.service(algorithm).keys.create('fit', { kty }, { keyOps })
    const health = await fixture.key('fit', { algorithm }).describe?.(unhurried)
    expect(health).toMatchObject({ state: 'enabled' })
  })

  test('as enabled, where the answer says neither type nor operations', async () => {
    const { log } = fixture.service()
    const kid = `${fixture.server().vaultUrl}/keys/orders/${'0'.repeat(32)}`
    const body = { key: { kid }, attributes: { enabled: true } }
    log.fault({ kind: 'answer', status: 200, body }, { times: 1 })
    expect(await described('orders')).toMatchObject({ state: 'enabled', version: '0'.repeat(32) })
  })

  test('as rotated by the service, where its policy says so', async () => {
    const { keys } = fixture.service()
    keys.create('rotated', { kty: 'RSA' })
    const action = { trigger: { timeAfterCreate: 'P90D' }, action: { type: 'Rotate' } }
    keys.key('rotated').policy = { lifetimeActions: [action], attributes: {}, created: 0 }
    expect(await described('rotated')).toMatchObject({ rotation: 'on' })
  })

  test('without its rotation, where the policy may not be read', async () => {
    fixture.service().deny(['getRotationPolicy'])
    expect(await described('orders')).not.toHaveProperty('rotation')
  })

  test('as pending deletion once it is deleted, where deleted keys may be read', async () => {
    const { keys, log } = fixture.service()
    keys.create('deleted', { kty: 'RSA' })
    keys.transitionReads = 0
    keys.delete('deleted')
    expect(await described('deleted')).toEqual({ state: 'pending-deletion' })
    const body = { error: { code: 'Forbidden', message: '' } }
    log.fault(
      { kind: 'answer', status: 403, body },
      { when: ({ path, token }) => token !== undefined && path.startsWith('/deletedkeys') },
    )
    expect(await failureOf(described('deleted'))).toMatchObject({ code: 'KEY_NOT_FOUND' })
    log.reset()
    log.fault({ kind: 'answer', status: 503 }, { when: ({ path }) => path.startsWith('/deletedkeys') })
    expect(await failureOf(described('deleted'))).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('not where it is missing, or may not be read', async () => {
    expect(await failureOf(described('missing'))).toMatchObject({ code: 'KEY_NOT_FOUND' })
    fixture.service().deny(['get'])
    expect(await failureOf(described('orders'))).toMatchObject({ code: 'ACCESS_DENIED' })
  })
})
