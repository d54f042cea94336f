import { kibibyte, mebibyte } from './fixtures.ts'
import { floorChunks, floorDecrypt, floorEncrypt, floorSign } from './floor.ts'
import { defaultFrameLength, keyfoldCachedEncrypt, keyfoldDecrypt, keyfoldEncrypt } from './keyfold.ts'
import {
  ageDecrypt,
  ageEncrypt,
  esdkCachedEncrypt,
  esdkDecrypt,
  esdkEncrypt,
  joseDecrypt,
  joseEncrypt,
} from './peers.ts'
import { streamWorks } from './stream-works.ts'
import type { Work } from './work.ts'

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
        esdk: () => esdkEncrypt(kibibyte),
        jose: () => joseEncrypt(kibibyte),
        age: () => ageEncrypt(kibibyte),
        floor: () => floorEncrypt(kibibyte),
      },
      targets: { esdk: 12, floor: 0.8 },
    },
    {
      name: '1 KiB decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(kibibyte),
        esdk: () => esdkDecrypt(kibibyte),
        jose: () => joseDecrypt(kibibyte),
        age: () => ageDecrypt(kibibyte),
        floor: () => floorDecrypt(kibibyte),
      },
      targets: { esdk: 8, floor: 0.8 },
    },
    {
      name: '1 KiB encrypt, data key cached',
      contenders: {
        keyfold: () => keyfoldCachedEncrypt(kibibyte),
        esdk: () => esdkCachedEncrypt(kibibyte),
        uncached: () => keyfoldEncrypt(kibibyte),
      },
      targets: { esdk: 12, uncached: 1 },
    },
    {
      name: '1 MiB encrypt',
      contenders: {
        keyfold: () => keyfoldEncrypt(mebibyte),
        esdk: () => esdkEncrypt(mebibyte),
        jose: () => joseEncrypt(mebibyte),
        age: () => ageEncrypt(mebibyte),
        floor: () => floorChunks(mebibyte, frameLength).seal,
      },
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 MiB decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(mebibyte),
        esdk: () => esdkDecrypt(mebibyte),
        jose: () => joseDecrypt(mebibyte),
        age: () => ageDecrypt(mebibyte),
        floor: () => floorChunks(mebibyte, frameLength).open,
      },
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 KiB signed encrypt',
      contenders: {
        keyfold: () => keyfoldEncrypt(kibibyte, true),
        esdk: () => esdkEncrypt(kibibyte, true),
        floor: () => floorSign(kibibyte).sign,
      },
      targets: { esdk: 1.4, floor: 0.9 },
    },
    {
      name: '1 KiB signed decrypt',
      contenders: {
        keyfold: () => keyfoldDecrypt(kibibyte, true),
        esdk: () => esdkDecrypt(kibibyte, true),
        floor: () => floorSign(kibibyte).verify,
      },
      targets: { esdk: 4, floor: 0.9 },
    },
  ]
}
