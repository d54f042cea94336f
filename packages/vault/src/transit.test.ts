import { createHash } from 'node:crypto'
import { createEnvelope, dataKeyCache, type EncryptedDataKey, inspect, SecretBytes } from '@keyfold/core'
import { type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import type { OpenBao } from '@keyfold/testing/openbao'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { token } from './auth.ts'
import { call, codeOf, contextOf, hurriedClock, server, startTransit, tokenFor } from './openbao.test-support.ts'
import { type TransitKey, type TransitOptions, transit } from './transit.ts'

let bao: OpenBao
let proxy: FaultProxy
beforeAll(async () => {
  if (server.state === 'skipped') return
  bao = await startTransit()
  proxy = await startFaultProxy({ target: bao.url })
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await bao?.[Symbol.asyncDispose]()
})
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
  proxy.recover()
})

const bound = contextOf('tenant 42')
const digest = createHash('sha256').update(bound.contextBytes).digest('base64')
const textOf = ({ ciphertext }: EncryptedDataKey): string => new TextDecoder().decode(ciphertext)
const secret = (length = 32): SecretBytes => SecretBytes.from(crypto.getRandomValues(new Uint8Array(length)))

function key(name: string, options: TransitOptions = {}): TransitKey {
  return transit(name, { address: proxy.url, auth: token(bao.token), clock: hurriedClock(), ...options })
}

/** What was asked of the server meanwhile: method, path below /v1/transit, and the names in the body. */
async function asked(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = proxy.requests.length
  await work()
  return proxy.requests.slice(before).map(({ method, path, body }) => {
    const fields = body.length === 0 ? [] : Object.keys(JSON.parse(new TextDecoder().decode(body)))
    return [method, path.replace('/v1/transit/', ''), ...fields].join(' ')
  })
}

describe('what is asked of the service', () => {
  test('of a derived key: a data key with the digest as context, and the kind of the key once', async () => {
    const derived = key('derived')
    expect(
      await asked(async () => {
        for (const length of [16, 32, 24]) await derived.generateDataKey({ length, ...bound }, call)
      }),
    ).toEqual([
      'GET keys/derived',
      'POST datakey/plaintext/derived bits context',
      'POST datakey/plaintext/derived bits context',
      'POST encrypt/derived plaintext context', // 192 bits, which the service does not draw
    ])
    const sent = proxy.requests
      .map(({ body }) => new TextDecoder().decode(body))
      .filter((body) => body.includes('bits'))
    expect(sent.map((body) => JSON.parse(body).context)).toEqual([digest, digest])
  })

  test('of another AEAD key: to encrypt a data key drawn here, with the digest as associated data', async () => {
    const aad = key('aad')
    expect(
      await asked(async () => {
        const { entry } = await aad.generateDataKey({ length: 32, ...bound }, call)
        await aad.unwrapDataKey({ entry, length: 32, ...bound }, call)
      }),
    ).toEqual([
      'GET keys/aad',
      'POST encrypt/aad plaintext associated_data',
      'POST decrypt/aad ciphertext associated_data',
    ])
  })

  test('of a key that may bind nothing: neither', async () => {
    const rsa = key('rsa', { binding: 'none' })
    expect(await asked(() => rsa.generateDataKey({ length: 32, ...bound }, call))).toEqual([
      'GET keys/rsa',
      'POST encrypt/rsa plaintext',
    ])
    expect([rsa.bindsContext, rsa.authenticatesWriter]).toEqual([false, false])
  })

  test('once, by a thousand cold messages with a cache; and the kind once, without', async () => {
    const cached = createEnvelope({ keys: key('derived'), cache: dataKeyCache({ maxAgeMs: 60_000 }) })
    const thousand = () => Promise.all(Array.from({ length: 1000 }, () => cached.encrypt(new Uint8Array(8))))
    expect(await asked(thousand)).toEqual(['GET keys/derived', 'POST datakey/plaintext/derived bits context'])
    const plain = createEnvelope({ keys: key('derived') })
    const some = await asked(() => Promise.all(Array.from({ length: 20 }, () => plain.encrypt(new Uint8Array(8)))))
    expect(some.filter((line) => line.startsWith('GET'))).toHaveLength(1)
    expect(some).toHaveLength(21)
  })
})

describe('an entry', () => {
  test("holds the key's path and the service's text, whose version is the service's", async () => {
    await bao.call('POST', 'transit/keys/turning', { body: { derived: true } })
    const turning = key('turning')
    const { entry: first, dataKey } = await turning.generateDataKey({ length: 32, ...bound }, call)
    expect([first.providerId, new TextDecoder().decode(first.providerInfo)]).toEqual([
      'vault-transit',
      'transit/turning',
    ])
    expect(textOf(first)).toMatch(/^vault:v1:/)
    await bao.call('POST', 'transit/keys/turning/rotate')
    const second = await turning.wrapDataKey({ dataKey, ...bound }, call)
    expect(textOf(second)).toMatch(/^vault:v2:/)
    for (const entry of [first, second]) {
      const opened = await turning.unwrapDataKey({ entry, length: 32, ...bound }, call)
      expect(Buffer.compare(opened.bytes, dataKey.bytes)).toBe(0)
    }
    expect(await turning.describe(call)).toMatchObject({ state: 'enabled', version: '2', rotation: 'off' })
    await bao.call('POST', 'transit/keys/turning/config', { body: { min_decryption_version: 2 } })
    await expect(turning.unwrapDataKey({ entry: first, length: 32, ...bound }, call)).rejects.toMatchObject({
      code: 'KEY_DISABLED',
      retryable: false,
    })
  })

  test('opens under its own context, version and text alone', async () => {
    const derived = key('derived')
    const { entry } = await derived.generateDataKey({ length: 16, ...bound }, call)
    const text = textOf(entry)
    const open = (changed: string, context = bound) => {
      const ciphertext = new TextEncoder().encode(changed)
      return codeOf(derived.unwrapDataKey({ entry: { ...entry, ciphertext }, length: 16, ...context }, call))
    }
    expect(await open(text)).toBe('no failure')
    expect(await open(text, contextOf('tenant 43'))).toBe('AUTHENTICATION_FAILED')
    expect(await open(text.replace(':v1:', ':v2:'))).toBe('KEY_NOT_FOUND')
    // These the service would open all the same.
    expect(await open(text.replace(':v1:', ':v0:'))).toBe('AUTHENTICATION_FAILED')
    expect(await open(text.replace(':v1:', ':v01:'))).toBe('AUTHENTICATION_FAILED')
    expect(await open(text.replace(/(..)$/, '\n$1'))).toBe('AUTHENTICATION_FAILED')
    const stray = text.replace(/(.)=$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}=`)
    expect(stray).not.toBe(text)
    expect(await open(stray)).toBe('AUTHENTICATION_FAILED')
    expect(await open('')).toBe('AUTHENTICATION_FAILED')
  })

  test('of another key, mount or namespace is not accepted, and costs no request', async () => {
    const derived = key('derived')
    const { entry } = await derived.generateDataKey({ length: 32, ...bound }, call)
    expect(derived.accepts(entry)).toBe(true)
    for (const other of [
      'transit/derivee',
      'transit/derived/',
      'other/derived',
      'ns/transit/derived',
      '',
      'http://x/transit/derived',
    ]) {
      const providerInfo = new TextEncoder().encode(other)
      expect(derived.accepts({ ...entry, providerInfo }), other).toBe(false)
    }
    expect(derived.accepts({ ...entry, providerId: 'aws-kms' })).toBe(false)
    const elsewhere = createEnvelope({ keys: key('derived', { mount: 'other' }) })
    const sealed = await createEnvelope({ keys: derived }).encrypt(new Uint8Array(4))
    expect(await asked(async () => expect(await codeOf(elsewhere.decrypt(sealed))).toBe('NO_USABLE_KEY'))).toEqual([])
  })

  test('names the namespace, in which the key is', async () => {
    await bao.call('POST', 'sys/namespaces/team', { body: {} })
    await bao.call('POST', 'sys/mounts/deep/er', { body: { type: 'transit' }, namespace: 'team' })
    await bao.call('POST', 'deep/er/keys/own', { body: {}, namespace: 'team' })
    const envelope = createEnvelope({ keys: key('own', { mount: '/deep/er/', namespace: 'team/' }) })
    const sealed = await envelope.encrypt(new Uint8Array(4), { context: { a: 'b' } })
    const [entry] = inspect(sealed).encryptedDataKeys
    expect(new TextDecoder().decode(entry?.providerInfo)).toBe('team/deep/er/own')
    expect((await envelope.decrypt(sealed)).plaintext).toEqual(new Uint8Array(4))
    expect(await codeOf(key('own', { mount: 'deep/er' }).describe(call))).toBe('KEY_NOT_FOUND')
  })
})

describe('a key', () => {
  test('that is missing is not made, though the token might make it', async () => {
    const missing = key('missing')
    const request = { dataKey: secret(), ...bound }
    expect(
      await asked(async () => expect(await codeOf(missing.wrapDataKey(request, call))).toBe('KEY_NOT_FOUND')),
    ).toEqual(['GET keys/missing'])
    expect(await codeOf(missing.generateDataKey({ length: 32, ...bound }, call))).toBe('KEY_NOT_FOUND')
    await expect(bao.call('GET', 'transit/keys/missing')).rejects.toThrow('404')
    expect(await codeOf(key('derived', { mount: 'nowhere' }).describe(call))).toBe('KEY_NOT_FOUND')
  })

  test('is looked at again after a failure', async () => {
    const late = key('late')
    expect(await codeOf(late.generateDataKey({ length: 32, ...bound }, call))).toBe('KEY_NOT_FOUND')
    await bao.call('POST', 'transit/keys/late', { body: {} })
    expect(await codeOf(late.generateDataKey({ length: 32, ...bound }, call))).toBe('no failure')
  })

  test.each([
    ['rsa', undefined, 'POLICY_VIOLATION'],
    ['rsa', 'aad', 'POLICY_VIOLATION'],
    ['aad', 'derived', 'INVALID_ARGUMENT'],
    ['derived', 'aad', 'INVALID_ARGUMENT'],
    ['derived', 'none', 'INVALID_ARGUMENT'],
    ['signer', 'aad', 'UNSUPPORTED'],
  ] as const)('of kind %s is refused for binding %s with %s, and given no data key', async (kind, binding, code) => {
    await bao.call('POST', 'transit/keys/signer', { body: { type: 'ed25519' } })
    const refused = key(kind, { binding })
    expect(
      await asked(async () =>
        expect(await codeOf(refused.wrapDataKey({ dataKey: secret(), ...bound }, call))).toBe(code),
      ),
    ).toEqual([`GET keys/${kind}`])
    expect(await codeOf(refused.describe(call))).toBe(code)
  })

  test('tells of its rotation, versions and deletion', async () => {
    const body = { deletion_allowed: true, auto_rotate_period: '48h' }
    await bao.call('POST', 'transit/keys/told', { body: {} })
    await bao.call('POST', 'transit/keys/told/config', { body })
    const health = { version: '1', rotation: 'on', autoRotatePeriodMs: 172_800_000, type: 'aes256-gcm96' }
    const told = {
      ...health,
      state: 'enabled',
      minDecryptionVersion: 1,
      deletionAllowed: true,
      concerns: ['root-token'],
    }
    expect(await key('told').describe(call)).toEqual(told)
    await bao.call('DELETE', 'transit/keys/told/soft-delete')
    expect(await key('told').describe(call)).toEqual({ ...told, state: 'disabled' })
  })

  test.each(['../sys/seal', 'a/b', '%2e%2e', '..', '.', 'é', 'a b', 'a?b', 'a#b', '-a', 'a-', '', 'a&#x2F;b', 'a\n'])(
    'of the name %j is refused, and nothing is asked',
    async (name) => {
      const refusals = async () => {
        expect(await codeOf(() => key(name))).toBe('INVALID_ARGUMENT')
        for (const path of [`../${name}`, `${name}//x`, `a/./${name}`]) {
          expect(await codeOf(() => key('derived', { mount: path }))).toBe('INVALID_ARGUMENT')
          expect(await codeOf(() => key('derived', { namespace: path }))).toBe('INVALID_ARGUMENT')
        }
      }
      expect(await asked(refusals)).toEqual([])
    },
  )

  test('stays in its path where a mount has an odd name', async () => {
    const odd = key('derived', { mount: 'a%2fb/%2e%2e/c?d#e' })
    const before = proxy.requests.length
    expect(await codeOf(odd.describe(call))).toBe('KEY_NOT_FOUND')
    expect(proxy.requests[before]?.path).toBe('/v1/a%252fb/%252e%252e/c%3Fd%23e/keys/derived')
  })

  test('needs no more rights than these', async () => {
    const rules = [
      'keys/derived" { capabilities = ["read"]',
      'datakey/plaintext/derived" { capabilities = ["update"]',
      'decrypt/derived" { capabilities = ["update"]',
    ]
    const auth = token(await tokenFor(bao, rules.map((rule) => `path "transit/${rule} }`).join('\n')))
    const envelope = createEnvelope({ keys: key('derived', { auth }) })
    const sealed = await envelope.encrypt(new Uint8Array(3))
    expect((await envelope.decrypt(sealed)).plaintext).toEqual(new Uint8Array(3))
  })
})
