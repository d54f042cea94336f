/* Providers that open what they must not. */
import { KeyfoldError } from '../errors.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { randomBytes } from './bench.ts'
import { type Breakage, type BrokenRow, row, type Sound, subjectOf } from './sound.test-support.ts'

/** Every byte turned over: a key that all share. */
const turn = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff)

/** One key for all, and nothing authenticated. */
export const shared = (s: Sound) =>
  ({
    bindsContext: false,
    wrapDataKey: async ({ dataKey }) => ({
      providerId: s.providerId,
      providerInfo: new TextEncoder().encode(s.name),
      ciphertext: turn(dataKey.bytes),
    }),
    unwrapDataKey: async ({ entry }) => SecretBytes.from(turn(entry.ciphertext)),
  }) satisfies Partial<Sound>

const unwrapping = (unwrapDataKey: (sound: Sound) => Sound['unwrapDataKey']) => (s: Sound) => ({
  unwrapDataKey: unwrapDataKey(s),
})

/** Gives random bytes in place of each refusal, so many more than were asked for. */
const answersDamage = (s: Sound, more = 0) => ({
  unwrapDataKey: ((request, options) =>
    s
      .unwrapDataKey(request, options)
      .catch(() => SecretBytes.from(randomBytes(request.length + more)))) satisfies Sound['unwrapDataKey'],
})

const alteredInfo = 'opens an entry of altered info to its data key or not at all'

/** Takes every entry of its provider id for its own, as where the info names a version. */
const versioned = ({ providerId }: Sound) => ({
  accepts: (entry: EncryptedDataKey) => entry.providerId === providerId,
})

export const brokenOpenings: readonly BrokenRow[] = [
  row('answers damage with random bytes', 'opens no ciphertext with a flipped bit', (s) => answersDamage(s)),
  row('answers damage with random bytes and binds no context', 'opens no ciphertext with a flipped bit', (s) => ({
    ...answersDamage(s),
    bindsContext: false,
  })),
  {
    what: 'tells bad padding from a wrong key',
    caughtBy: 'opens no ciphertext that is cut, extended, empty or random',
    subject: () => ({ ...subjectOf(), disguisesRefusals: true }),
  },
  {
    what: 'disguises a refusal as bytes of another length',
    caughtBy: 'opens no ciphertext with a flipped bit',
    subject: () => ({ ...subjectOf((s) => answersDamage(s, 1)), disguisesRefusals: true }),
  },
  row(
    'takes damage for an outage',
    'opens no ciphertext with a flipped bit',
    unwrapping(
      (s) => (request, options) =>
        s.unwrapDataKey(request, options).catch(() => {
          throw new KeyfoldError('UNAVAILABLE', 'the service failed')
        }),
    ),
  ),
  row('remembers what an entry of this info opened to', 'opens no ciphertext with a flipped bit', (s): Breakage => {
    const known = new Map<string, Uint8Array>()
    const wrapDataKey: Sound['wrapDataKey'] = async (request, options) => {
      const entry = await s.wrapDataKey(request, options)
      known.set(entry.providerInfo.join(), Uint8Array.from(request.dataKey.bytes))
      return entry
    }
    const unwrapDataKey: Sound['unwrapDataKey'] = async (request, options) => {
      const bytes = known.get(request.entry.providerInfo.join())
      return bytes === undefined ? s.unwrapDataKey(request, options) : SecretBytes.from(Uint8Array.from(bytes))
    }
    return { wrapDataKey, unwrapDataKey }
  }),
  row(
    'reads no further than it needs',
    'opens no ciphertext that is cut, extended, empty or random',
    unwrapping((s) => (request, options) => {
      const ciphertext = request.entry.ciphertext.subarray(0, request.length + 16)
      return s.unwrapDataKey({ ...request, entry: { ...request.entry, ciphertext } }, options)
    }),
  ),
  row('opens altered info to something else', alteredInfo, (s) => ({ ...versioned(s), ...answersDamage(s) })),
  row('takes a version that there is not for an outage', alteredInfo, (s) => ({
    ...versioned(s),
    unwrapDataKey: (async (request, options) => {
      if (!s.accepts(request.entry)) throw new KeyfoldError('UNAVAILABLE', 'no such version')
      return s.unwrapDataKey(request, options)
    }) satisfies Sound['unwrapDataKey'],
  })),
  row('one key for all', "opens no other key's ciphertext under its own info", shared),
  row('opens every entry', "opens no other key's entry", shared),
]
