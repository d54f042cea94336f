import type { MessageKey, MessageSigner } from '../crypto/engine.ts'
import { demandNotAborted } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { demandBytes, demandUnmoved, lengthOf } from '../wire/bytes.ts'
import { formatFooter } from '../wire/footer.ts'
import { countFrames, framedLength } from '../wire/frame.ts'
import { Assembly, join } from './assembly.ts'
import type { EncryptOptions } from './call-options.ts'
import { framesInRun } from './chunks.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { tellSealed } from './message-events.ts'
import {
  demandFrameCount,
  type MessagePlan,
  planMessage,
  type SealingMaterials,
  sealMaterials,
  startMessage,
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
  const { length } = plaintext
  const plan = planMessage(config, options, 'encrypt')
  demandFrameCount(countFrames(length, plan.frameLength), plan.frameLength)
  demandNotAborted(options.signal)
  const startedAt = startOf(config)

  const materials = await sealMaterials(config, plan, length, options.signal)
  const message = await sealMessage(plan, materials, plaintext, length)

  const { suite } = plan
  tellSealed(config, { suite, plaintextBytes: length, messageBytes: message.length, startedAt })
  return message
}

/** @param length the plaintext's, before anything was waited for */
async function sealMessage(
  plan: MessagePlan,
  materials: SealingMaterials,
  plaintext: Uint8Array<ArrayBuffer>,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { key, header } = await startMessage(plan, materials)
  try {
    demandUnmoved(plaintext, length, 'encrypt')
    const message = await sealFrames(plan, key, header, plaintext)
    return materials.signer === undefined ? message : await signMessage(materials.signer, message)
  } finally {
    key[Symbol.dispose]()
  }
}

/** The message but for its footer, a run of frames at a time. */
async function sealFrames(
  { frameLength }: MessagePlan,
  key: MessageKey,
  header: readonly Uint8Array[],
  plaintext: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const message = new Assembly(lengthOf(header) + framedLength(plaintext.length, frameLength))
  message.add(header)
  const step = framesInRun(frameLength) * frameLength
  let at = 0
  do {
    const bytes = plaintext.subarray(at, at + step)
    const final = at + step >= plaintext.length
    const frames = key.sealFrames({ bytes, frameLength, firstSequenceNumber: at / frameLength + 1, final })
    message.add(frames instanceof Promise ? await frames : frames)
    at += step
  } while (at < plaintext.length)
  return message.finish()
}

async function signMessage(signer: MessageSigner, message: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  await signer.update(message)
  return join([message, formatFooter(await signer.sign())])
}
