import { createSecretKey, randomBytes } from 'node:crypto'

/** What all contenders are given. */
export const key: Buffer = randomBytes(32)
export const wrappingKey = createSecretKey(key)
export const namespace = 'bench'
export const name = 'k1'
/** Two pairs, as small messages have. */
export const context: Readonly<Record<string, string>> = { purpose: 'orders', tenant: 't-42' }

export const kibibyte: Uint8Array = new Uint8Array(randomBytes(1024))
export const mebibyte: Uint8Array = new Uint8Array(randomBytes(2 ** 20))
