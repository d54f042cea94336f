import { randomBytes } from 'node:crypto'
import { SecretBytes } from '@keyfold/core'
import { engine } from '../../packages/core/dist/crypto/node.js'
import { suites } from '../../packages/core/src/suite/table.ts'
import { chunksOf } from './chunks.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * The core's own loop over a message's frames, run by run, without a stream around it: what a stream starts from. It is
 * no part of the core's interface, hence the paths: into its build for the engine, into its sources for the suites, which
 * are data.
 */

const suite = suites.get(0x0478)
if (suite === undefined) throw new Error('there is no suite 0x0478')
const key = await engine.messageKey(suite, SecretBytes.from(new Uint8Array(randomBytes(32))), randomBytes(32))

type Loop = (runs: readonly Uint8Array[], give: (pieces: readonly Uint8Array[]) => void) => Promise<void>

function loopOf(move: 'sealFrames' | 'openFrames', frameLength: number): Loop {
  return async (runs, give) => {
    let number = 0
    for (const bytes of runs) {
      number += 1
      const pieces = key[move]({ bytes, frameLength, firstSequenceNumber: number, final: number === runs.length })
      give(pieces instanceof Promise ? await pieces : pieces)
    }
  }
}

/** One frame a run; what comes out is dropped. */
export async function frameLoop(
  plaintext: Uint8Array,
  frameLength: number,
): Promise<{ readonly seal: Contender; readonly open: Contender }> {
  const chunks = [...chunksOf(plaintext, frameLength)]
  const seal = loopOf('sealFrames', frameLength)
  const open = loopOf('openFrames', frameLength)
  const frames: Uint8Array[] = []
  await seal(chunks, (pieces) => frames.push(Buffer.concat(pieces)))
  const check = async (): Promise<void> => {
    const opened: Uint8Array[] = []
    await open(frames, (pieces) => opened.push(...pieces))
    demandSame(Buffer.concat(opened), plaintext)
  }
  return {
    seal: { run: () => seal(chunks, () => undefined), check },
    open: { run: () => open(frames, () => undefined), check },
  }
}
