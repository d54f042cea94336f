import { randomFillSync } from 'node:crypto'
import { floorChunks } from './floor.ts'
import { frameLoop } from './frame-loop.ts'
import { defaultFrameLength } from './keyfold.ts'
import { duplexes, type StreamKind, streamOpening, streamSealing, transforms } from './streams.ts'
import type { Contender, ContenderName, Work } from './work.ts'

const mebibytes = 256

/** At its default the ESDK takes ten seconds for all of it; how fast it is does not depend on the length. */
const esdkPart = 1 / 16

/** Loaded in the processes that time it. */
const esdkStreams = async (): Promise<StreamKind> => (await import('./esdk-streams.ts')).esdkStreams

/** Long messages: through streams, and in the core's loop without one. Every contender's frames have one length but for the first two. */
export async function streamWorks(): Promise<readonly Work[]> {
  const frameLength = await defaultFrameLength()
  const whole = { chunkLength: frameLength }
  const part = { chunkLength: frameLength, part: esdkPart }
  const equal = { chunkLength: 64 * 1024, frameLength: 64 * 1024 }
  const { seal, open } = bare(frameLength)
  const short = bare(equal.frameLength)
  return [
    streamWork(
      'Duplex encrypt',
      { esdk: 6, floor: 0.65 },
      {
        keyfold: (plaintext) => streamSealing(duplexes, { plaintext, ...whole }),
        esdk: async (plaintext) => streamSealing(await esdkStreams(), { plaintext, ...part }),
        floor: seal,
      },
    ),
    streamWork(
      'Duplex decrypt',
      { esdk: 6, floor: 0.65 },
      {
        keyfold: (plaintext) => streamOpening(duplexes, { plaintext, ...whole }),
        esdk: async (plaintext) => streamOpening(await esdkStreams(), { plaintext, ...part }),
        floor: open,
      },
    ),
    streamWork(
      'Duplex encrypt, 64 KiB frames',
      { esdk: 1.2 },
      {
        keyfold: (plaintext) => streamSealing(duplexes, { plaintext, ...equal }),
        esdk: async (plaintext) => streamSealing(await esdkStreams(), { plaintext, ...equal }),
        floor: short.seal,
      },
    ),
    streamWork(
      'Duplex decrypt, 64 KiB frames',
      { esdk: 2.5 },
      {
        keyfold: (plaintext) => streamOpening(duplexes, { plaintext, ...equal }),
        esdk: async (plaintext) => streamOpening(await esdkStreams(), { plaintext, ...equal }),
        floor: short.open,
      },
    ),
    streamWork(
      'TransformStream encrypt',
      { floor: 0.55 },
      {
        keyfold: (plaintext) => streamSealing(transforms, { plaintext, ...whole }),
        floor: seal,
      },
    ),
    streamWork(
      'TransformStream decrypt',
      { floor: 0.55 },
      {
        keyfold: (plaintext) => streamOpening(transforms, { plaintext, ...whole }),
        floor: open,
      },
    ),
    streamWork(
      'frame loop encrypt',
      { floor: 0.75 },
      {
        keyfold: async (plaintext) => (await frameLoop(plaintext, frameLength)).seal,
        floor: seal,
      },
    ),
    streamWork(
      'frame loop decrypt',
      { floor: 0.75 },
      {
        keyfold: async (plaintext) => (await frameLoop(plaintext, frameLength)).open,
        floor: open,
      },
    ),
  ]
}

type MakeContender = (plaintext: Uint8Array) => Contender | Promise<Contender>

function bare(frameLength: number): { readonly seal: MakeContender; readonly open: MakeContender } {
  return {
    seal: (plaintext) => floorChunks(plaintext, frameLength).seal,
    open: (plaintext) => floorChunks(plaintext, frameLength).open,
  }
}

function streamWork(
  name: string,
  targets: Work['targets'],
  makers: Readonly<Partial<Record<ContenderName, MakeContender>>>,
): Work {
  const plaintext = () => randomFillSync(new Uint8Array(mebibytes * 2 ** 20))
  const contenders = Object.fromEntries(Object.entries(makers).map(([who, make]) => [who, () => make(plaintext())]))
  return { name: `${mebibytes} MiB ${name}`, mebibytes, targets, contenders }
}
