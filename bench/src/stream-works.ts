import { randomFillSync } from 'node:crypto'
import { floorChunks } from './floor.ts'
import { frameLoop } from './frame-loop.ts'
import { defaultFrameLength } from './keyfold.ts'
import { duplexes, esdkStreams, streamOpening, streamSealing, transforms } from './streams.ts'
import type { Contender, Work } from './work.ts'

const mebibytes = 256

/** At its default the ESDK takes ten seconds for all of it; how fast it is does not depend on the length. */
const esdkPart = 1 / 16

/** Long messages: through streams, and in the core's loop without one. Every contender's frames have one length but for the first two. */
export async function streamWorks(): Promise<readonly Work[]> {
  const frameLength = await defaultFrameLength()
  const whole = { chunkLength: frameLength }
  const part = { chunkLength: frameLength, part: esdkPart }
  const equal = { chunkLength: 64 * 1024, frameLength: 64 * 1024 }
  return [
    streamWork('Duplex encrypt', { esdk: 6, floor: 0.65 }, async (plaintext) => [
      streamSealing(duplexes, { plaintext, ...whole }),
      streamSealing(esdkStreams, { plaintext, ...part }),
      floorChunks(plaintext, frameLength).seal,
    ]),
    streamWork('Duplex decrypt', { esdk: 6, floor: 0.65 }, async (plaintext) => [
      await streamOpening(duplexes, { plaintext, ...whole }),
      await streamOpening(esdkStreams, { plaintext, ...part }),
      floorChunks(plaintext, frameLength).open,
    ]),
    streamWork('Duplex encrypt, 64 KiB frames', { esdk: 1.2 }, async (plaintext) => [
      streamSealing(duplexes, { plaintext, ...equal }),
      streamSealing(esdkStreams, { plaintext, ...equal }),
    ]),
    streamWork('Duplex decrypt, 64 KiB frames', { esdk: 2.5 }, async (plaintext) => [
      await streamOpening(duplexes, { plaintext, ...equal }),
      await streamOpening(esdkStreams, { plaintext, ...equal }),
    ]),
    streamWork('TransformStream encrypt', { floor: 0.55 }, async (plaintext) => [
      streamSealing(transforms, { plaintext, ...whole }),
      floorChunks(plaintext, frameLength).seal,
    ]),
    streamWork('TransformStream decrypt', { floor: 0.55 }, async (plaintext) => [
      await streamOpening(transforms, { plaintext, ...whole }),
      floorChunks(plaintext, frameLength).open,
    ]),
    streamWork('frame loop encrypt', { floor: 0.75 }, async (plaintext) => [
      (await frameLoop(plaintext, frameLength)).seal,
      floorChunks(plaintext, frameLength).seal,
    ]),
    streamWork('frame loop decrypt', { floor: 0.75 }, async (plaintext) => [
      (await frameLoop(plaintext, frameLength)).open,
      floorChunks(plaintext, frameLength).open,
    ]),
  ]
}

function streamWork(
  name: string,
  targets: Work['targets'],
  contenders: (plaintext: Uint8Array) => Promise<readonly Contender[]>,
): Work {
  const plaintext = () => randomFillSync(new Uint8Array(mebibytes * 2 ** 20))
  return { name: `${mebibytes} MiB ${name}`, mebibytes, targets, contenders: () => contenders(plaintext()) }
}
