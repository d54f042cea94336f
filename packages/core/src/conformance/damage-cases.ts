import { equalBytes } from '../wire/bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { demand, present } from './assert.ts'
import { type Bench, open, randomBytes, type Sealed, seal, sealWith } from './bench.ts'
import { usualContext } from './contexts.ts'
import { demandFailure, demandKeyfoldError, outcomeOf } from './outcome.ts'
import type { CaseRow } from './row.ts'

/** What must not open. */
export const damageCases: readonly CaseRow[] = [
  {
    name: 'opens no ciphertext with a flipped bit',
    applies: 'unwraps',
    async run(bench) {
      const sealed = await seal(bench)
      for (const { what, ciphertext } of flipped(sealed.entry.ciphertext)) {
        await demandNotOpened(bench, what, withCiphertext(sealed, ciphertext))
      }
    },
  },
  {
    name: 'opens no ciphertext that is cut, extended, empty or random',
    applies: 'unwraps',
    async run(bench) {
      const sealed = await seal(bench)
      const { ciphertext } = sealed.entry
      const damaged = {
        'a ciphertext without its last byte': ciphertext.slice(0, -1),
        'a ciphertext without its first byte': ciphertext.slice(1),
        'half a ciphertext': ciphertext.slice(0, ciphertext.length >> 1),
        'one byte of a ciphertext': ciphertext.slice(0, 1),
        'a ciphertext with a byte more': Uint8Array.from([...ciphertext, 0]),
        'a ciphertext twice over': Uint8Array.from([...ciphertext, ...ciphertext]),
        'an empty ciphertext': new Uint8Array(0),
        'random bytes as a ciphertext': randomBytes(ciphertext.length),
      }
      for (const [what, bytes] of Object.entries(damaged)) {
        await demandNotOpened(bench, what, withCiphertext(sealed, bytes))
      }
    },
  },
  {
    name: "opens no other key's ciphertext under its own info",
    applies: 'unwraps',
    needs: 'other',
    async run(bench) {
      const { entry: own } = await seal(bench)
      const foreign = await sealByOther(bench)
      const entry = { ...own, ciphertext: foreign.entry.ciphertext }
      await demandNotOpened(bench, "another key's ciphertext", { ...foreign, entry })
    },
  },
  {
    name: "opens no other key's entry",
    applies: 'unwraps',
    needs: 'other',
    async run(bench) {
      const foreign = await sealByOther(bench)
      const outcome = await outcomeOf(() => open(bench, foreign))
      // Core asks accepts first: where that refuses, any failure will do.
      if ('error' in outcome) {
        if (bench.provider.accepts(foreign.entry)) demandKeyfoldError("another key's entry", outcome.error)
      } else demandWrongBytes(bench, "another key's entry", foreign, outcome.value)
    },
  },
]

async function sealByOther({ subject }: Bench): Promise<Sealed> {
  return sealWith(present(await subject.other?.(), 'other()'), usualContext())
}

function withCiphertext(sealed: Sealed, ciphertext: Uint8Array): Sealed {
  const entry: EncryptedDataKey = { ...sealed.entry, ciphertext }
  return { ...sealed, entry }
}

/** The lowest and the highest bit of the first, the last and some bytes between. */
function flipped(ciphertext: Uint8Array): readonly { readonly what: string; readonly ciphertext: Uint8Array }[] {
  const last = ciphertext.length - 1
  const positions = new Set([0, 1, last >> 2, last >> 1, last - (last >> 2), last - 1, last])
  return [...positions]
    .filter((at) => at >= 0 && at <= last)
    .flatMap((at) =>
      [0x01, 0x80].map((bit) => ({
        what: `a ciphertext with bit ${bit} of byte ${at} of ${ciphertext.length} flipped`,
        ciphertext: ciphertext.map((byte, index) => (index === at ? byte ^ bit : byte)),
      })),
    )
}

/**
 * RSA with PKCS#1 v1.5 answers random bytes on purpose, so that nobody learns whether the padding was right. Where nothing
 * is authenticated this is as good as a refusal: the wrong key fails at the message's header.
 */
async function demandNotOpened(bench: Bench, what: string, damaged: Sealed): Promise<void> {
  const outcome = await outcomeOf(() => open(bench, damaged))
  if ('error' in outcome) demandFailure(what, outcome, ['AUTHENTICATION_FAILED'])
  else demandWrongBytes(bench, what, damaged, outcome.value)
}

function demandWrongBytes({ provider }: Bench, what: string, { bytes }: Sealed, opened: Uint8Array): void {
  demand(!equalBytes(opened, bytes), `${what}: it opened to the data key`)
  demand(!provider.bindsContext, `${what}: it opened to other bytes, which only a key that binds no context may do`)
  demand(opened.length === bytes.length, `${what}: it opened to ${opened.length} bytes, asked for ${bytes.length}`)
}
