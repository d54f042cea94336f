import { createEnvelope, dataKeyCache, type Envelope, inspect, type KeyProvider, rawAes } from '@keyfold/core'
import { context, key, name, namespace } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

export const keys: KeyProvider = rawAes({ namespace, name, key })
export const envelope: Envelope = createEnvelope({ keys })

/** Keyfold's default suite, 0x0478, or with `sign` 0x0578. */
export function keyfoldEncrypt(plaintext: Uint8Array, sign = false): Contender {
  const options = { context, sign }
  return {
    run: () => envelope.encrypt(plaintext, options),
    check: async (message) => demandSame((await envelope.decrypt(message as Uint8Array)).plaintext, plaintext), // run's own
  }
}

export async function keyfoldDecrypt(plaintext: Uint8Array, sign = false): Promise<Contender> {
  const message = await envelope.encrypt(plaintext, { context, sign })
  const options = { context }
  return {
    run: () => envelope.decrypt(message, options),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
}

/** One data key for all: the first run, which is not timed, brings it. */
export function keyfoldCachedEncrypt(plaintext: Uint8Array): Contender {
  const caching = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 3_600_000 }) })
  const options = { context }
  return { ...keyfoldEncrypt(plaintext), run: () => caching.encrypt(plaintext, options) }
}

/** The frame length that our messages have by default. */
export async function defaultFrameLength(): Promise<number> {
  return inspect(await envelope.encrypt(new Uint8Array(1))).frameLength
}
