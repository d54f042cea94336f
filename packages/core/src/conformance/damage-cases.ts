import type { ErrorCode } from '../errors.ts'
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
      for (const { what, bytes } of flipped('ciphertext', sealed.entry.ciphertext)) {
        await demandNotOpened(bench, what, withCiphertext(sealed, bytes))
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
    name: 'opens an entry of altered info to its data key or not at all',
    applies: 'unwraps',
    async run(bench) {
      const sealed = await seal(bench)
      for (const { what, bytes } of alteredInfos(sealed.entry.providerInfo)) {
        const entry = { ...sealed.entry, providerInfo: bytes }
        if (bench.provider.accepts(entry)) await demandSameOrRefused(bench, what, { ...sealed, entry })
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

interface Altered {
  readonly what: string
  readonly bytes: Uint8Array
}

function alteredInfos(info: Uint8Array): readonly Altered[] {
  return [
    ...flipped('info', info),
    { what: 'info without its last byte', bytes: info.slice(0, -1) },
    { what: 'info with a byte more', bytes: Uint8Array.from([...info, 0]) },
    { what: 'info with a digit more', bytes: Uint8Array.from([...info, 0x31]) },
    { what: 'empty info', bytes: new Uint8Array(0) },
  ]
}

/** What a service says of a version or a key that it does not have, or not for this caller. */
const refusals: readonly ErrorCode[] = ['AUTHENTICATION_FAILED', 'KEY_NOT_FOUND', 'KEY_DISABLED', 'ACCESS_DENIED']

/**
 * Info may be a hint that the service does without: the message's header authenticates it. But altered info opens to
 * nothing else, and is neither an outage to be tried again nor a surprise.
 */
async function demandSameOrRefused(bench: Bench, what: string, altered: Sealed): Promise<void> {
  const outcome = await outcomeOf(() => open(bench, altered))
  if ('error' in outcome) demandFailure(what, outcome, refusals)
  else if (!equalBytes(outcome.value, altered.bytes)) demandWrongBytes(bench, what, altered, outcome.value)
}

/** The lowest and the highest bit of the first, the last and some bytes between. */
function flipped(field: string, bytes: Uint8Array): readonly Altered[] {
  const last = bytes.length - 1
  const positions = new Set([0, 1, last >> 2, last >> 1, last - (last >> 2), last - 1, last])
  return [...positions]
    .filter((at) => at >= 0 && at <= last)
    .flatMap((at) =>
      [0x01, 0x80].map((bit) => ({
        what: `${field}: bit ${bit} of byte ${at} of ${bytes.length} flipped`,
        bytes: bytes.map((byte, index) => (index === at ? byte ^ bit : byte)),
      })),
    )
}

/** Bleichenbacher's attack lives on one refusal that can be told from a wrong key, so those disguise every one. */
async function demandNotOpened(bench: Bench, what: string, damaged: Sealed): Promise<void> {
  const outcome = await outcomeOf(() => open(bench, damaged))
  if ('value' in outcome) return demandWrongBytes(bench, what, damaged, outcome.value)
  const { code } = demandFailure(what, outcome, ['AUTHENTICATION_FAILED'])
  demand(bench.subject.disguisesRefusals !== true, `${what}: failed with ${code}, though the subject disguisesRefusals`)
}

function demandWrongBytes({ subject }: Bench, what: string, { bytes }: Sealed, opened: Uint8Array): void {
  demand(!equalBytes(opened, bytes), `${what}: it opened to the data key`)
  demand(subject.disguisesRefusals === true, `${what}: it opened to other bytes, expected AUTHENTICATION_FAILED`)
  demand(opened.length === bytes.length, `${what}: it opened to ${opened.length} bytes, asked for ${bytes.length}`)
}
