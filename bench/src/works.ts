import { kibibyte, mebibyte } from './fixtures.ts'
import {
  bareSigned,
  deriveByHkdf,
  floorCachedEncrypt,
  floorChunks,
  floorDecrypt,
  floorEncrypt,
  floorSign,
} from './floor.ts'
import { defaultFrameLength, keyfoldCachedEncrypt, keyfoldDecrypt, keyfoldEncrypt } from './keyfold.ts'
import { streamWorks } from './stream-works.ts'
import type { Work } from './work.ts'

/* Each peer is loaded in the processes that time it. */
const esdk = () => import('./esdk.ts')
const jose = () => import('./jose.ts')
const age = () => import('./age.ts')

/** Everything that is timed, with what it has to reach. */
export async function works(): Promise<readonly Work[]> {
  return [...(await messageWorks()), ...(await streamWorks())]
}

/** Messages that are there whole. */
async function messageWorks(): Promise<readonly Work[]> {
  const frameLength = await defaultFrameLength()
  return [
    {
      name: '1 KiB encrypt',
      contenders: {
        keyfold: () => keyfoldEncrypt(kibibyte),
        esdk: async () => (await esdk()).esdkEncrypt(kibibyte),
        jose: async () => (await jose()).joseEncrypt(kibibyte),
        age: async () => (await age()).ageEncrypt(kibibyte),
        floor: () => floorEncrypt(kibibyte),
        plain: () => floorEncrypt(kibibyte, deriveByHkdf),
      },
      targets: { esdk: 12, floor: 0.8 },
    },
    {
      name: '1 KiB decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(kibibyte),
        esdk: async () => (await esdk()).esdkDecrypt(kibibyte),
        jose: async () => (await jose()).joseDecrypt(kibibyte),
        age: async () => (await age()).ageDecrypt(kibibyte),
        floor: () => floorDecrypt(kibibyte),
        plain: () => floorDecrypt(kibibyte, deriveByHkdf),
      },
      targets: { esdk: 8, floor: 0.8 },
    },
    {
      name: '1 KiB encrypt, data key cached',
      contenders: {
        keyfold: () => keyfoldCachedEncrypt(kibibyte),
        esdk: async () => (await esdk()).esdkCachedEncrypt(kibibyte),
        uncached: () => keyfoldEncrypt(kibibyte),
        floor: () => floorCachedEncrypt(kibibyte),
        plain: () => floorCachedEncrypt(kibibyte, deriveByHkdf),
      },
      targets: { esdk: 12, uncached: 1 },
    },
    {
      name: '1 MiB encrypt',
      contenders: {
        keyfold: () => keyfoldEncrypt(mebibyte),
        esdk: async () => (await esdk()).esdkEncrypt(mebibyte),
        jose: async () => (await jose()).joseEncrypt(mebibyte),
        age: async () => (await age()).ageEncrypt(mebibyte),
        floor: () => floorChunks(mebibyte, frameLength).seal,
      },
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 MiB decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(mebibyte),
        esdk: async () => (await esdk()).esdkDecrypt(mebibyte),
        jose: async () => (await jose()).joseDecrypt(mebibyte),
        age: async () => (await age()).ageDecrypt(mebibyte),
        floor: () => floorChunks(mebibyte, frameLength).open,
      },
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 KiB signed encrypt',
      contenders: {
        keyfold: () => keyfoldEncrypt(kibibyte, true),
        esdk: async () => (await esdk()).esdkEncrypt(kibibyte, true),
        floor: () => floorSign(kibibyte).sign,
        bare: () => bareSigned(kibibyte).encrypt,
      },
      targets: { esdk: 1.4, floor: 0.9 },
    },
    {
      name: '1 KiB signed decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(kibibyte, true),
        esdk: async () => (await esdk()).esdkDecrypt(kibibyte, true),
        floor: () => floorSign(kibibyte).verify,
        bare: () => bareSigned(kibibyte).decrypt,
      },
      targets: { esdk: 4, floor: 0.9 },
    },
  ]
}
