/*
 * What no recording shows of the server: its faults, its rights, and cryptography against published values. What recordings
 * show is in recordings.test.ts.
 */
import { createDecipheriv } from 'node:crypto'
import { request } from 'node:https'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openWith, sealWith } from './key-cryptography.ts'
import { importMaterial } from './key-material.ts'
import { type KeyVaultServer, serverError, startKeyVault, throttled } from './key-vault.ts'

let server: KeyVaultServer
beforeAll(async () => {
  server = await startKeyVault()
  server.model.vault.keys.create('k', { kty: 'RSA' })
  server.model.hsm.keys.create('k', { kty: 'oct-HSM' })
})
beforeEach(() => server.model.vault.reset())
afterAll(() => server?.[Symbol.asyncDispose]())

interface Got {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

function post(
  path: string,
  body?: unknown,
  token: string | undefined = 'test-token',
  url = server.vaultUrl,
): Promise<Got> {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method: body === undefined ? 'GET' : 'POST', headers, ca: server.ca },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const wrap = '/keys/k/wrapkey?api-version=7.4'
const value = Buffer.alloc(32).toString('base64url')
const body = { alg: 'RSA-OAEP-256', value }
const inner = ({ text }: Got): unknown => JSON.parse(text).error.innererror?.code ?? JSON.parse(text).error.code

describe('the server', () => {
  test('challenges whoever has no token, or a wrong one, for the service that was asked', async () => {
    for (const token of ['', 'wrong']) {
      const vault = await post(wrap, body, token)
      expect([vault.status, vault.headers['www-authenticate']]).toEqual([
        401,
        expect.stringContaining('https://vault.azure.net'),
      ])
      const hsm = await post(wrap, body, token, server.hsmUrl)
      expect([hsm.status, hsm.headers['www-authenticate']]).toEqual([
        401,
        expect.stringContaining('https://managedhsm.azure.net'),
      ])
    }
  })

  test('wants a version of the interface that there is', async () => {
    for (const query of ['', '?api-version=1.0'])
      expect(inner(await post(`/keys/k/wrapkey${query}`, body))).toBe('BadParameter')
    expect((await post('/keys/k/wrapkey?api-version=2025-07-01', body)).status).toBe(200)
  })

  test('takes wrapKey and unwrapkey in any case, with and without a version', async () => {
    const { version } = server.model.vault.keys.version('k')
    for (const path of ['wrapkey', 'wrapKey', '/wrapKey', `${version}/wrapkey`]) {
      const { status, text } = await post(`/keys/k/${path}?api-version=7.4`, body)
      expect([status, JSON.parse(text).kid]).toEqual([200, `${server.vaultUrl}/keys/k/${version}`])
    }
  })

  test('denies by operation and token, with the inner code that the test names', async () => {
    server.model.vault.deny(['wrapKey'], 'ForbiddenByPolicy', 'guest')
    expect([inner(await post(wrap, body, 'guest')), (await post(wrap, body)).status]).toEqual([
      'ForbiddenByPolicy',
      200,
    ])
  })

  test('seals with no key that is disabled, out of its time, or lacks the operation', async () => {
    const found = server.model.vault.keys.create('states', { kty: 'RSA' })
    const ask = async () => inner(await post('/keys/states/wrapkey?api-version=7.4', body))
    found.enabled = false
    expect(await ask()).toBe('KeyDisabled')
    Object.assign(found, { enabled: true, exp: 1 })
    expect(await ask()).toBe('KeyExpired')
    Object.assign(found, { exp: undefined, nbf: 4_000_000_000 })
    expect(await ask()).toBe('KeyNotYetValid')
    Object.assign(found, { nbf: undefined, keyOps: ['unwrapKey'] })
    expect(await ask()).toBe('KeyOperationForbidden')
  })

  test('throttles, fails and cuts as often as it is told to, and counts', async () => {
    const { log } = server.model.vault
    log.fault(throttled(), { times: 1 })
    log.fault(throttled(7), { times: 1 })
    log.fault(serverError(503), { times: 1 })
    const [first, second, third, fourth] = [
      await post(wrap, body),
      await post(wrap, body),
      await post(wrap, body),
      await post(wrap, body),
    ]
    expect([first?.status, first?.headers['retry-after'], second?.headers['retry-after']]).toEqual([
      429,
      undefined,
      '7',
    ])
    expect([third?.status, fourth?.status, log.requests.length]).toEqual([503, 200, 4])
    for (const kind of ['reset', 'truncated'] as const) {
      log.fault({ kind }, { times: 1 })
      await expect(post(wrap, body)).rejects.toThrow()
    }
  })
})

describe('its cryptography', () => {
  const aes = (key: string) =>
    importMaterial('managed-hsm', { kty: 'oct', k: Buffer.from(key, 'hex').toString('base64url') }, true)

  // RFC 3394, section 4.6
  test('wraps with A256KW as published', () => {
    const material = aes('000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F')
    const plain = Buffer.from('00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F', 'hex')
    const wrapped = '28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21'
    expect(sealWith(material, { alg: 'A256KW', value: plain }).value.toString('hex').toUpperCase()).toBe(wrapped)
    expect(openWith(material, { alg: 'A256KW', value: Buffer.from(wrapped, 'hex') })).toEqual(plain)
  })

  test('authenticates additional data filled up with zeros to a multiple of 8, so that trailing zeros say nothing', () => {
    const material = aes('00'.repeat(32))
    const aad = Buffer.from('abcde')
    const { value, iv, tag } = sealWith(material, { alg: 'A256GCM', value: Buffer.from('x'), aad })
    if (iv === undefined || tag === undefined || material.secret === undefined) throw new Error('GCM has both')
    const decipher = createDecipheriv('aes-256-gcm', material.secret, iv)
      .setAuthTag(tag)
      .setAAD(Buffer.from('abcde\0\0\0'))
    expect(Buffer.concat([decipher.update(value), decipher.final()]).toString()).toBe('x')
    expect(openWith(material, { alg: 'A256GCM', value, iv, tag, aad: Buffer.from('abcde\0') }).toString()).toBe('x')
    expect(() => openWith(material, { alg: 'A256GCM', value, iv, tag, aad: Buffer.from('abcdf') })).toThrow(
      '400 BadParameter',
    )
  })
})
