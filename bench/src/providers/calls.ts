import { anyOf, createEnvelope, dataKeyCache, type Envelope } from '@keyfold/core'
import { context } from '../fixtures.ts'
import type { ServiceKey } from './service-key.ts'

/** Requests to a service: of a process's first message, and of all those behind it. */
export interface Calls {
  /** Messages behind the first one. */
  readonly messages: number
  readonly first: number
  readonly sealing: number
  readonly opening: number
  readonly sealingCached: number
  readonly openingCached: number
}

/** How many messages are on their way at once. */
const atOnce = 20

export async function countCalls({ counted: { keys, requests } }: ServiceKey, messages: number): Promise<Calls> {
  const counted = async (work: () => Promise<unknown>): Promise<number> => {
    const before = requests()
    await work()
    return requests() - before
  }
  const keyring = anyOf(keys)
  const plain = createEnvelope({ keys: keyring })
  const cached = createEnvelope({ keys: keyring, cache: dataKeyCache({ maxAgeMs: 3_600_000 }) })
  const reader = createEnvelope({ keys: keyring, cache: dataKeyCache({ maxAgeMs: 3_600_000 }) })

  const first = await counted(() => seal(plain))
  let sealed: readonly Uint8Array[] = []
  const sealing = await counted(async () => {
    sealed = await times(messages, () => seal(plain))
  })
  const opening = await counted(() => times(messages, (index) => open(plain, sealed[index])))

  await open(reader, await seal(cached))
  const sealingCached = await counted(async () => {
    sealed = await times(messages, () => seal(cached))
  })
  const openingCached = await counted(() => times(messages, (index) => open(reader, sealed[index])))
  return { messages, first, sealing, opening, sealingCached, openingCached }
}

const plaintext = new TextEncoder().encode('order 7')

function seal(envelope: Envelope): Promise<Uint8Array> {
  return envelope.encrypt(plaintext, { context })
}

async function open(envelope: Envelope, sealed: Uint8Array | undefined): Promise<void> {
  if (sealed === undefined) throw new Error('no message was sealed')
  await envelope.decrypt(sealed, { context })
}

async function times<T>(count: number, work: (index: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = []
  for (let start = 0; start < count; start += atOnce) {
    const length = Math.min(atOnce, count - start)
    results.push(...(await Promise.all(Array.from({ length }, (_, index) => work(start + index)))))
  }
  return results
}
