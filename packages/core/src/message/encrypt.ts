import { engine } from '#engine'
import type { MessageSigner } from '../crypto/engine.ts'
import { demandNotAborted } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { demandBytes } from '../wire/bytes.ts'
import { formatFooter } from '../wire/footer.ts'
import { countFrames } from '../wire/frame.ts'
import type { EncryptOptions, EnvelopeConfig } from './options.ts'
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
  const { frameLength } = plan
  const { key, header } = await startMessage(plan, materials)
  try {
    const frames = key.sealFrames({ bytes: plaintext, frameLength, firstSequenceNumber: 1, final: true })
    const pieces = [...header, ...(frames instanceof Promise ? await frames : frames)]
    if (materials.signer !== undefined) pieces.push(formatFooter(await signPieces(materials.signer, pieces)))
    return engine.join(pieces)
  } finally {
    key[Symbol.dispose]()
  }
}

async function signPieces(signer: MessageSigner, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  for (const piece of pieces) await signer.update(piece)
  return signer.sign()
}
