import { createEnvelope, inspect, rawAes } from '@keyfold/core'
import { context, key, name, namespace } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

const envelope = createEnvelope({ keys: rawAes({ namespace, name, key }) })

/** Keyfold's default suite, 0x0478, or with `sign` 0x0578. */
export function keyfoldEncrypt(plaintext: Uint8Array, sign = false): Contender {
  const options = { context, sign }
  return {
    name: 'keyfold',
    run: () => envelope.encrypt(plaintext, options),
    check: async (message) => demandSame((await envelope.decrypt(message as Uint8Array)).plaintext, plaintext), // run's own
  }
}

export async function keyfoldDecrypt(plaintext: Uint8Array, sign = false): Promise<Contender> {
  const message = await envelope.encrypt(plaintext, { context, sign })
  const options = { context }
  return {
    name: 'keyfold',
    run: () => envelope.decrypt(message, options),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
}

/** The frame length that our messages have by default. */
export async function defaultFrameLength(): Promise<number> {
  return inspect(await envelope.encrypt(new Uint8Array(1))).frameLength
}
