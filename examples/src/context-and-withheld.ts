// The context ties a message to what it is about: a message of one tenant does not open as another's. A withheld pair is
// authenticated as well, and must be given again to open; it is kept out of the message, but it is no secret.
import assert from 'node:assert/strict'
import { createEnvelope, inspect, KeyfoldError, rawAes } from '@keyfold/core'

const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
const envelope = createEnvelope<{ tenant: string; purpose: string }>({ keys, requireContext: ['tenant', 'purpose'] })

const context = { tenant: 't-42', purpose: 'invoice' }
const sealed = await envelope.encrypt(new TextEncoder().encode('120 EUR'), { context, withheld: ['purpose'] })
console.log('in the header:', { ...inspect(sealed).context })

const opened = await envelope.decrypt(sealed, { context, withheld: ['purpose'] })
console.log('returned:', { ...opened.context })

const codeOf = async (opening: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return KeyfoldError.is(error) ? error.code : undefined
}
const otherTenant = envelope.decrypt(sealed, { context: { ...context, tenant: 't-43' }, withheld: ['purpose'] })
const otherPurpose = envelope.decrypt(sealed, { context: { ...context, purpose: 'offer' }, withheld: ['purpose'] })
const nothingGiven = envelope.decrypt(sealed)

assert.deepEqual({ ...inspect(sealed).context }, { tenant: 't-42' })
assert.deepEqual({ ...opened.context }, context)
// The header shows the tenant, so a difference is found before any key is asked; what is withheld, the key finds.
assert.equal(await codeOf(otherTenant), 'CONTEXT_MISMATCH')
assert.equal(await codeOf(otherPurpose), 'AUTHENTICATION_FAILED')
assert.equal(await codeOf(nothingGiven), 'INVALID_ARGUMENT')
