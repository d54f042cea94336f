/* Whose context is wrong is told alike by every service that binds it, and by the header's tag where none does. */
import { createEnvelope, type KeyfoldEvent, type KeyProvider } from '@keyfold/core'
import { expect, test } from 'vitest'
import { useFourKeys } from './four-keys.test-support.ts'
import { failureOf, plaintext } from './messages.test-support.ts'

const four = useFourKeys()

const binding: readonly (readonly [string, () => KeyProvider])[] = [
  ['AWS KMS', () => four.of('aws-kms').key],
  ['Cloud KMS', () => four.of('gcp-kms').key],
  ['Managed HSM', () => four.azure().hsmKey],
  ['Transit', () => four.of('vault-transit').key],
]

/** Of a message whose context is not in its header, so that no comparison of core's comes before the key. */
async function openedUnderAnother(
  key: KeyProvider,
): Promise<{ code: string; message: string; events: readonly KeyfoldEvent[] }> {
  const events: KeyfoldEvent[] = []
  const envelope = createEnvelope({ keys: key, observe: (event) => events.push(event) })
  const withheld = ['tenant']
  const sealed = await envelope.encrypt(plaintext, { context: { tenant: 't-42' }, withheld })
  expect((await envelope.decrypt(sealed, { context: { tenant: 't-42' }, withheld })).plaintext).toEqual(plaintext)
  events.length = 0
  const { code, message } = await failureOf(envelope.decrypt(sealed, { context: { tenant: 't-43' }, withheld }))
  return { code, message, events }
}

test.each(binding)('%s refuses another context as AUTHENTICATION_FAILED', async (_, key) => {
  const { code, events } = await openedUnderAnother(key())
  expect(key().bindsContext).toBe(true)
  expect(code).toBe('AUTHENTICATION_FAILED')
  expect(events).toMatchObject([{ type: 'provider-failed', operation: 'unwrapDataKey', code }])
})

test('Key Vault binds none, and gives the data key: the tag of the header refuses with the same code', async () => {
  const { key } = four.of('azure-keyvault')
  const { code, message, events } = await openedUnderAnother(key)
  expect(key.bindsContext).toBe(false)
  expect([code, message]).toEqual(['AUTHENTICATION_FAILED', expect.stringMatching(/^a tag does not hold/)])
  expect(events).toMatchObject([{ type: 'provider-failed', operation: 'unwrapDataKey', code }])
})

test.each([...binding, ['Key Vault', () => four.of('azure-keyvault').key] as const])(
  '%s is not asked about a context that the header itself contradicts',
  async (_, key) => {
    const events: KeyfoldEvent[] = []
    const envelope = createEnvelope({ keys: key(), observe: (event) => events.push(event) })
    const sealed = await envelope.encrypt(plaintext, { context: { tenant: 't-42' } })
    events.length = 0
    const { code } = await failureOf(envelope.decrypt(sealed, { context: { tenant: 't-43' } }))
    expect(code).toBe('CONTEXT_MISMATCH')
    expect(events).toEqual([])
  },
)
