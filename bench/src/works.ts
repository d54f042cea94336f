import { kibibyte, mebibyte } from './fixtures.ts'
import { floorChunks, floorDecrypt, floorEncrypt, floorSign } from './floor.ts'
import { defaultFrameLength, keyfoldCachedEncrypt, keyfoldDecrypt, keyfoldEncrypt } from './keyfold.ts'
import { age, esdkCachedEncrypt, esdkDecrypt, esdkEncrypt, joseDecrypt, joseEncrypt } from './peers.ts'
import { streamWorks } from './stream-works.ts'
import type { Work } from './work.ts'

/** Everything that is timed, with what it has to reach. */
export async function works(): Promise<readonly Work[]> {
  return [...(await messageWorks()), ...(await streamWorks())]
}

/** Messages that are there whole. */
async function messageWorks(): Promise<readonly Work[]> {
  const small = await age(kibibyte)
  const large = await age(mebibyte)
  const chunks = floorChunks(mebibyte, await defaultFrameLength())
  const bare = floorSign(kibibyte)
  return [
    {
      name: '1 KiB encrypt',
      contenders: async () => [
        keyfoldEncrypt(kibibyte),
        esdkEncrypt(kibibyte),
        joseEncrypt(kibibyte),
        small.encrypt,
        floorEncrypt(kibibyte),
      ],
      targets: { esdk: 12, floor: 0.8 },
    },
    {
      name: '1 KiB decrypt',
      contenders: async () => [
        await keyfoldDecrypt(kibibyte),
        await esdkDecrypt(kibibyte),
        await joseDecrypt(kibibyte),
        small.decrypt,
        floorDecrypt(kibibyte),
      ],
      targets: { esdk: 8, floor: 0.8 },
    },
    {
      name: '1 KiB encrypt, data key cached',
      contenders: async () => [
        keyfoldCachedEncrypt(kibibyte),
        esdkCachedEncrypt(kibibyte),
        { ...keyfoldEncrypt(kibibyte), name: 'uncached' },
      ],
      targets: { esdk: 12, uncached: 1 },
    },
    {
      name: '1 MiB encrypt',
      contenders: async () => [
        keyfoldEncrypt(mebibyte),
        esdkEncrypt(mebibyte),
        joseEncrypt(mebibyte),
        large.encrypt,
        chunks.seal,
      ],
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 MiB decrypt',
      contenders: async () => [
        await keyfoldDecrypt(mebibyte),
        await esdkDecrypt(mebibyte),
        await joseDecrypt(mebibyte),
        large.decrypt,
        chunks.open,
      ],
      targets: { esdk: 8, floor: 0.6 },
    },
    {
      name: '1 KiB signed encrypt',
      contenders: async () => [keyfoldEncrypt(kibibyte, true), esdkEncrypt(kibibyte, true), bare.sign],
      targets: { esdk: 1.4, floor: 0.9 },
    },
    {
      name: '1 KiB signed decrypt',
      contenders: async () => [await keyfoldDecrypt(kibibyte, true), await esdkDecrypt(kibibyte, true), bare.verify],
      targets: { esdk: 4, floor: 0.9 },
    },
  ]
}
