import { createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { median } from './measure.ts'

/** Which bare calls derive a message's key and commitment the fastest: the floor and `crypto/node.ts` use the winner. */
const dataKey = randomBytes(32)
const salt = randomBytes(32)
const info = Buffer.from('COMMITKEY')

const ways = {
  'two hkdfSync, KeyObject': () => {
    const key = createSecretKey(dataKey)
    hkdfSync('sha512', key, salt, info, 32)
    return hkdfSync('sha512', key, salt, info, 32)
  },
  'two hkdfSync, Buffer': () => {
    hkdfSync('sha512', dataKey, salt, info, 32)
    return hkdfSync('sha512', dataKey, salt, info, 32)
  },
  'three HMACs, KeyObject': () => {
    const extracted = createSecretKey(createHmac('sha512', createSecretKey(salt)).update(dataKey).digest())
    createHmac('sha512', extracted).update(info).digest()
    return createHmac('sha512', extracted).update(info).digest()
  },
  'three HMACs, Buffer': () => {
    const extracted = createHmac('sha512', salt).update(dataKey).digest()
    createHmac('sha512', extracted).update(info).digest()
    return createHmac('sha512', extracted).update(info).digest()
  },
}

const samples = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]))
for (let round = 0; round < 11; round++) {
  for (const [way, derive] of Object.entries(ways)) {
    const startedAt = performance.now()
    for (let run = 0; run < 4000; run++) derive()
    if (round > 0) samples.get(way)?.push((performance.now() - startedAt) / 4)
  }
}
for (const [way, times] of samples) console.log(`${way.padEnd(26)}${median(times).toFixed(1).padStart(7)} µs`)
