import { createEnvelope, type DataKeyCache, type KeyProvider } from '@keyfold/core'

export const recordCount = 1000
export const recordBytes = 128

/** Seals so many small records. @returns how often a key was called for it */
export async function sealRecords(keys: KeyProvider, cache?: DataKeyCache): Promise<number> {
  let keyCalls = 0
  const envelope = createEnvelope({
    keys,
    cache,
    observe: ({ type }) => {
      if (type === 'data-key-generated') keyCalls += 1
    },
  })
  const record = new Uint8Array(recordBytes)
  for (let count = 0; count < recordCount; count += 1) {
    await envelope.encrypt(record, { context: { purpose: 'npm start' } })
  }
  return keyCalls
}
