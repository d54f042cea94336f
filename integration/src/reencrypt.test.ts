/* A message moves from the key of one service to that of another. */
import { anyOf, createEnvelope, inspect } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { type ProviderId, providerIds, useFourKeys } from './four-keys.test-support.ts'
import { context, failureOf, plaintext } from './messages.test-support.ts'

const four = useFourKeys()
const moves: readonly (readonly [ProviderId, ProviderId])[] = providerIds.flatMap((from) =>
  providerIds.filter((to) => to !== from).map((to) => [from, to] as const),
)

test.each(moves)('from %s to %s, with its context', async (from, to) => {
  const [source, target] = [createEnvelope({ keys: four.of(from).key }), createEnvelope({ keys: four.of(to).key })]
  const sealed = await source.encrypt(plaintext, { context })
  const moved = await source.reencrypt(sealed, target, { context })
  expect(recipientsOf(moved)).toEqual([to])
  expect(await target.decrypt(moved, { context })).toMatchObject({ plaintext, openedBy: { providerId: to } })
  expect((await failureOf(source.decrypt(moved, { context }))).code).toBe('NO_USABLE_KEY')
})

describe('a message under four keys', () => {
  test('loses three of them, and gains them', async () => {
    const all = createEnvelope({ keys: anyOf(four.keys()) })
    const one = createEnvelope({ keys: four.of('vault-transit').key })
    const sealed = await one.encrypt(plaintext, { context })
    const spread = await one.reencrypt(sealed, all)
    expect(recipientsOf(spread)).toEqual(providerIds)
    expect(recipientsOf(await all.reencrypt(spread, one))).toEqual(['vault-transit'])
  })

  test('is moved as a stream by whichever key answers', async () => {
    const all = createEnvelope({ keys: anyOf([...four.keys()], { hedgeAfterMs: 50 }) })
    const target = createEnvelope({ keys: four.of('gcp-kms').key })
    const sealed = await all.encrypt(plaintext, { context })
    four.of('aws-kms').proxy.fault({ kind: 'black-hole' })
    const { readable, writable } = all.reencryptStream(target)
    const stream = new Blob([Uint8Array.from(sealed)]).stream().pipeThrough({ readable, writable })
    const moved = await new Response(stream).bytes()
    expect(recipientsOf(moved)).toEqual(['gcp-kms'])
    expect((await target.decrypt(moved, { context })).plaintext).toEqual(plaintext)
  })
})

function recipientsOf(message: Uint8Array): readonly string[] {
  return inspect(message).encryptedDataKeys.map(({ providerId }) => providerId)
}
