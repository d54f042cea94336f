import { makeCertificate } from '@keyfold/testing/azure/certificate'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { kmsError } from './kms-errors.ts'
import { bound, entryOf, keyArn, unhurried } from './kms-stub.test-support.ts'

afterEach(() => vi.unstubAllEnvs())

describe('a certificate that is not trusted', () => {
  it('is UNAVAILABLE with a hint, and is not tried again', async () => {
    const { certificate: cert, privateKey: key } = await makeCertificate()
    await using proxy = await startFaultProxy({ target: 'https://127.0.0.1:9', tls: { key, cert } })
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', proxy.url)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    const keys = awsKms(keyArn('k-1'))
    const entry = entryOf(keyArn('k-1'))
    const refused = await keys.unwrapDataKey?.({ entry, length: 32, ...bound() }, unhurried()).catch((e: unknown) => e)
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', retryable: false })
    expect(refused).toMatchObject({
      message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/),
    })
    expect(proxy.connections).toBe(1)
    expect(proxy.requests).toEqual([])
    await keys.close()
  })

  it.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ])('may be called %s', (code) => {
    const error = kmsError('Decrypt', Object.assign(new Error('canary'), { code }))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: false, message: expect.stringContaining(code) })
  })

  it('has no other text in its code shown', () => {
    const error = kmsError('Decrypt', Object.assign(new Error(), { code: 'CERT_ of canary' }))
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'Decrypt failed with Error' })
  })
})
