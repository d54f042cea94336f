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
