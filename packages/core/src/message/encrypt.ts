import { engine } from '#engine'
import type { MaybePromise, MessageKey, MessageSigner } from '../crypto/engine.ts'
import { demandNotAborted } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { demandBytes } from '../wire/bytes.ts'
import { formatFooter } from '../wire/footer.ts'
import { countFrames } from '../wire/frame.ts'
import type { EncryptOptions } from './call-options.ts'
import { chunksOf, framesInRun, isShort, runLength } from './chunks.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import {
  demandFrameCount,
  type MessagePlan,
  planMessage,
  type SealingMaterials,
  sealMaterials,
  startMessage,
  tellSealed,
} from './sealing.ts'

/**
 * Seals one message, from plaintext to its last byte: check what was asked, gather the materials (a data key and its
 * entries from the keyring, a key to sign with), write and authenticate the header, seal the frames, sign.
 * `decrypt.ts` reads as its mirror; `encrypt-stream.ts` does the same with plaintext that comes piece by piece.
 */
export async function encrypt(
  config: EnvelopeConfig,
  bytes: Uint8Array,
  options: EncryptOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const plaintext = demandBytes(bytes, 'encrypt')
  const plan = planMessage(config, options, 'encrypt')
  demandFrameCount(countFrames(plaintext.length, plan.frameLength), plan.frameLength)
  demandNotAborted(options.signal)
  const startedAt = startOf(config)

  const materials = await sealMaterials(config, plan, plaintext.length, options.signal)
  const message = await sealMessage(plan, materials, plaintext)

  tellSealed(config, plan, { plaintextBytes: plaintext.length, messageBytes: message.length }, startedAt)
  return message
}

async function sealMessage(
  plan: MessagePlan,
  materials: SealingMaterials,
  plaintext: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const { key, header } = await startMessage(plan, materials)
  try {
    const frames = sealFrames(key, plan.frameLength, plaintext)
    const pieces = [...header, ...(frames instanceof Promise ? await frames : frames)]
    if (materials.signer !== undefined) pieces.push(formatFooter(await signPieces(materials.signer, pieces)))
    return engine.join(pieces)
  } finally {
    key[Symbol.dispose]()
  }
}

function sealFrames(key: MessageKey, frameLength: number, bytes: Uint8Array): MaybePromise<readonly Uint8Array[]> {
  if (isShort(frameLength) && bytes.length > runLength) return sealShortFrames(key, frameLength, bytes)
  return key.sealFrames({ bytes, frameLength, firstSequenceNumber: 1, final: true })
}

async function sealShortFrames(
  key: MessageKey,
  frameLength: number,
  plaintext: Uint8Array,
): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = []
  const step = framesInRun(frameLength) * frameLength
  for (let at = 0; at < plaintext.length; at += step) {
    const bytes = plaintext.subarray(at, at + step)
    const final = at + step >= plaintext.length
    pieces.push(
      ...chunksOf(await key.sealFrames({ bytes, frameLength, firstSequenceNumber: at / frameLength + 1, final })),
    )
  }
  return pieces
}

async function signPieces(signer: MessageSigner, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  for (const piece of pieces) await signer.update(piece)
  return signer.sign()
}
