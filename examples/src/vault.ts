// Files sealed under a key that never leaves Vault (here OpenBao): the context is bound by the service, a rotated key opens what
// it sealed before, and whoever lacks the right to decrypt can seal and not open.
import assert from 'node:assert/strict'
import { createEnvelope, inspect, KeyfoldError } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { type OpenBao, startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { token, transit } from '@keyfold/vault'

const server = await availableServer(openBao)
if (server.state === 'skipped') console.log(`SKIPPED: ${server.line}`)
else await show(server.executable)

async function show(executable: string): Promise<void> {
  await using bao = await startOpenBao({ executable })
  await bao.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
  await bao.call('POST', 'transit/keys/orders', { body: { derived: true } })

  const address = bao.url
  const keys = transit('orders', { address, auth: token(bao.token) })
  await using envelope = createEnvelope({ keys, requireContext: ['tenant'] })
  const context = { tenant: 't-42' }
  const order = new TextEncoder().encode('order 7: two chairs')
  const first = await envelope.encrypt(order, { context })
  await bao.call('POST', 'transit/keys/orders/rotate')
  const second = await envelope.encrypt(order, { context })
  console.log(`sealed as ${textOf(first)} and, rotated, as ${textOf(second)}`)
  for (const sealed of [first, second]) {
    const { plaintext, openedBy } = await envelope.decrypt(sealed, { context })
    assert.deepEqual(plaintext, order)
    console.log(`opened by ${openedBy.name}`)
  }
  assert.match(textOf(second), /^vault:v2:/)

  const clerk = transit('orders', { address, auth: token(await sealerToken(bao)) })
  const refusal = await createEnvelope({ keys: clerk })
    .decrypt(first, { context })
    .catch((error: unknown) => error)
  console.log(KeyfoldError.is(refusal) && `${refusal.code}: ${refusal.message}`)
  assert.ok(KeyfoldError.is(refusal) && refusal.code === 'ACCESS_DENIED')
  const { version, rotation } = await keys.describe({ signal: AbortSignal.timeout(5000) })
  assert.deepEqual([version, rotation], ['2', 'off'])
}

/** How an entry begins: with the version that sealed it. */
function textOf(sealed: Uint8Array): string {
  const [entry] = inspect(sealed).encryptedDataKeys
  return new TextDecoder().decode(entry?.ciphertext).slice(0, 14)
}

/** What a service has that may seal, and not open. */
async function sealerToken(bao: OpenBao): Promise<string> {
  const policy = `path "transit/keys/orders" { capabilities = ["read"] }
    path "transit/datakey/plaintext/orders" { capabilities = ["update"] }`
  await bao.call('PUT', 'sys/policies/acl/sealer', { body: { policy } })
  const answer = await bao.call('POST', 'auth/token/create', { body: { policies: ['sealer'] } })
  assert.ok(answer?.auth)
  return answer.auth.client_token
}
