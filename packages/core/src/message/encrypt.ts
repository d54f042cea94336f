import type { MessageKey, SigningKey } from '../crypto/engine.ts'
import { chain, disposing, type MaybePromise } from '../crypto/maybe-promise.ts'
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

  const gathering = sealMaterials(config, plan, length, options.signal)
  const materials = gathering instanceof Promise ? await gathering : gathering
  const sealing = sealMessage(plan, materials, plaintext, length)
  const message = sealing instanceof Promise ? await sealing : sealing

  const { suite } = plan
  tellSealed(config, { suite, plaintextBytes: length, messageBytes: message.length, startedAt })
  return message
}

/** @param length the plaintext's, before anything was waited for */
function sealMessage(
  plan: MessagePlan,
  materials: SealingMaterials,
  plaintext: Uint8Array<ArrayBuffer>,
  length: number,
): MaybePromise<Uint8Array<ArrayBuffer>> {
  return chain(startMessage(plan, materials), ({ key, header }) =>
    disposing(key, () => {
      demandUnmoved(plaintext, length, 'encrypt')
      const { signingKey } = materials
      const sealed = sealBody(plan, key, header, plaintext)
      return signingKey === undefined ? sealed : chain(sealed, (message) => signMessage(signingKey, message))
    }),
  )
}

/** The message but for its footer. */
function sealBody(
  { frameLength }: MessagePlan,
  key: MessageKey,
  header: readonly Uint8Array[],
  plaintext: Uint8Array<ArrayBuffer>,
): MaybePromise<Uint8Array<ArrayBuffer>> {
  const message = new Assembly(lengthOf(header) + framedLength(plaintext.length, frameLength))
  message.add(header)
  const runLength = framesInRun(frameLength) * frameLength
  if (plaintext.length > runLength) return sealFrames(key, frameLength, plaintext, runLength, message)
  return chain(key.sealFrames({ bytes: plaintext, frameLength, firstSequenceNumber: 1, final: true }), (frames) => {
    message.add(frames)
    return message.finish()
  })
}

/** A body of any number of frames, a run of them at a time. */
async function sealFrames(
  key: MessageKey,
  frameLength: number,
  plaintext: Uint8Array<ArrayBuffer>,
  runLength: number,
  message: Assembly,
): Promise<Uint8Array<ArrayBuffer>> {
  const { length } = plaintext
  for (let at = 0; at < length; at += runLength) {
    const bytes = plaintext.subarray(at, at + runLength)
    const final = at + runLength >= length
    const frames = key.sealFrames({ bytes, frameLength, firstSequenceNumber: at / frameLength + 1, final })
    message.add(frames instanceof Promise ? await frames : frames)
    demandUnmoved(plaintext, length, 'encrypt')
  }
  return message.finish()
}

function signMessage(signingKey: SigningKey, message: Uint8Array): MaybePromise<Uint8Array<ArrayBuffer>> {
  return chain(signingKey.sign(message), (signature) => join([message, formatFooter(signature)]))
}
