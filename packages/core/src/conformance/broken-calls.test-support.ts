/* Providers that mistreat data keys, their callers' time, or their failures. */
import { type ErrorCode, KeyfoldError } from '../errors.ts'
import { SecretBytes } from '../secret-bytes.ts'
import {
  type Breakage,
  type BrokenRow,
  codeOfKind,
  failingKey,
  failures,
  row,
  type Sound,
  stalledKey,
  subjectOf,
} from './sound.test-support.ts'
import type { FailureKind, KeyProviderSubject } from './subject.ts'

const wrapping = (wrapDataKey: (sound: Sound) => Sound['wrapDataKey']) => (s: Sound) => ({
  wrapDataKey: wrapDataKey(s),
})
const unwrapping = (unwrapDataKey: (sound: Sound) => Sound['unwrapDataKey']) => (s: Sound) => ({
  unwrapDataKey: unwrapDataKey(s),
})

/** Does something with the data key once the call is over, whichever way. */
const afterwards = (treat: (dataKey: SecretBytes) => unknown) =>
  wrapping((s) => async (request, options) => {
    try {
      return await s.wrapDataKey(request, options)
    } finally {
      treat(request.dataKey)
    }
  })

const onFailure = (treat: (dataKey: SecretBytes) => unknown) =>
  wrapping((s) => async (request, options) => {
    try {
      return await s.wrapDataKey(request, options)
    } catch (error) {
      treat(request.dataKey)
      throw error
    }
  })

const ownership: readonly BrokenRow[] = [
  row(
    'alters the data key',
    'neither alters nor releases the data key that it wraps',
    afterwards(({ bytes }) => bytes.reverse()),
  ),
  row(
    'releases the data key',
    'neither alters nor releases the data key that it wraps',
    afterwards((dataKey) => dataKey[Symbol.dispose]()),
  ),
  row(
    'wipes the data key when it fails',
    'neither alters nor releases the data key that it fails to wrap',
    onFailure(({ bytes }) => bytes.fill(0)),
  ),
  row(
    'keeps the data key',
    'keeps no reference to the data key that it wraps',
    afterwards((dataKey) => dataKey.retain()),
  ),
  row(
    'keeps the data key when it fails',
    'keeps no reference to the data key that it wraps',
    onFailure((dataKey) => dataKey.retain()),
  ),
  row('hands out a view of the data key', 'needs the data key no more once it is wrapped', (s) => ({
    wrapDataKey: (async ({ dataKey }) => ({
      providerId: s.providerId,
      providerInfo: new Uint8Array(0),
      ciphertext: dataKey.bytes,
    })) satisfies Sound['wrapDataKey'],
  })),
  row('hands out the same buffer twice', 'hands out unwrapped data keys that nobody else holds', (s): Breakage => {
    const known = new Map<string, Uint8Array>()
    const unwrapDataKey: Sound['unwrapDataKey'] = async (request, options) => {
      const shown = request.entry.ciphertext.join()
      const bytes = known.get(shown) ?? (await s.unwrapDataKey(request, options)).bytes
      known.set(shown, bytes)
      return SecretBytes.from(bytes)
    }
    return { unwrapDataKey }
  }),
  row(
    'keeps what it unwraps',
    'hands out unwrapped data keys that nobody else holds',
    unwrapping((s) => async (request, options) => (await s.unwrapDataKey(request, options)).retain()),
  ),
  row('keeps what it generates', 'hands out generated data keys that nobody else holds', (s) => ({
    generateDataKey: (async (request, options) => {
      const generated = await s.generateDataKey(request, options)
      generated.dataKey.retain()
      return generated
    }) satisfies Sound['generateDataKey'],
  })),
  row(
    'wipes the entry that it unwraps',
    'leaves the entry that it unwraps unaltered',
    unwrapping((s) => async (request, options) => {
      const dataKey = await s.unwrapDataKey(request, options)
      request.entry.ciphertext.fill(0)
      return dataKey
    }),
  ),
]

const never = new AbortController().signal

const aborts: readonly BrokenRow[] = [
  row(
    'ignores the signal',
    'refuses a call whose signal is aborted already with ABORTED',
    wrapping((s) => (request) => s.wrapDataKey(request, { signal: never })),
  ),
  row('describes under an aborted signal', 'refuses a call whose signal is aborted already with ABORTED', (s) => ({
    describe: () => s.describe({ signal: never }),
  })),
  row(
    'takes an abort for an outage',
    'refuses a call whose signal is aborted already with ABORTED',
    wrapping((s) => async (request, options) => {
      if (options.signal.aborted) throw new KeyfoldError('UNAVAILABLE', 'the service did not answer')
      return s.wrapDataKey(request, options)
    }),
  ),
  row(
    'goes on although its caller gave up',
    'ends a call soon after its signal is aborted',
    unwrapping((s) => async (request, options) => {
      const opened = await s.unwrapDataKey(request, options)
      await new Promise((resolve) => setTimeout(resolve, 60_000))
      return opened
    }),
  ),
  row(
    'takes an abort in mid-call for an outage',
    'ends a call soon after its signal is aborted',
    unwrapping((s) => async (request, options) => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (options.signal.aborted) throw new KeyfoldError('UNAVAILABLE', 'the service did not answer')
      return s.unwrapDataKey(request, options)
    }),
  ),
]

const silent = 'ends a call that its service never answers once its signal is aborted'

const stalls: readonly BrokenRow[] = [
  {
    what: 'does not pass the signal on',
    caughtBy: silent,
    subject: () => {
      const stalled = stalledKey()
      const unwrapDataKey: Sound['unwrapDataKey'] = async (request, { signal }) => {
        if (signal.aborted) throw new KeyfoldError('ABORTED', 'given up')
        return (stalled as Sound).unwrapDataKey(request, { signal: never }) // it has all
      }
      return { ...subjectOf(), stalled: () => ({ ...stalled, unwrapDataKey }) }
    },
  },
  {
    what: 'takes the abort of a silent call for an outage',
    caughtBy: silent,
    subject: () => {
      const stalled = stalledKey()
      const wrapDataKey: Sound['wrapDataKey'] = (request, options) =>
        (stalled as Sound).wrapDataKey(request, options).catch(() => {
          throw new KeyfoldError('UNAVAILABLE', 'the service did not answer') // it has all
        })
      return { ...subjectOf(), stalled: () => ({ ...stalled, wrapDataKey }) }
    },
  },
  {
    what: 'gives a silent service up by itself',
    caughtBy: silent,
    subject: () => {
      const generateDataKey = async () => Promise.reject(new KeyfoldError('ABORTED', 'given up'))
      return { ...subjectOf(), stalled: () => ({ ...stalledKey(), generateDataKey }) }
    },
  },
  { what: 'a subject whose stalled key answers', caughtBy: silent, subject: answering },
]

/** A subject's mistake, which would let the case pass with nothing tried. */
function answering(): KeyProviderSubject {
  const subject = subjectOf()
  return { ...subject, stalled: subject.provider }
}

const failsWith = (where: string, wrong: Partial<Record<FailureKind, ErrorCode>>, caughtBy: string): BrokenRow => ({
  what: where,
  caughtBy,
  subject: () => ({ ...subjectOf(), failures: failures({ ...codeOfKind, ...wrong }) }),
})

const mappings: readonly BrokenRow[] = [
  failsWith('maps denied to missing', { denied: 'KEY_NOT_FOUND' }, 'fails with ACCESS_DENIED where access is denied'),
  failsWith(
    'maps refused credentials to denied',
    { unauthenticated: 'ACCESS_DENIED' },
    'fails with UNAUTHENTICATED where the credentials are refused',
  ),
  failsWith(
    'maps missing to denied',
    { missing: 'ACCESS_DENIED' },
    'fails with KEY_NOT_FOUND where the key is missing',
  ),
  failsWith(
    'maps disabled to missing',
    { disabled: 'KEY_NOT_FOUND' },
    'fails with KEY_DISABLED where the key is disabled',
  ),
  failsWith(
    'maps throttled to unavailable',
    { throttled: 'UNAVAILABLE' },
    'fails with THROTTLED where there are too many calls',
  ),
  failsWith(
    'maps unavailable to unknown',
    { unavailable: 'UNKNOWN' },
    'fails with UNAVAILABLE or TIMEOUT where the service is unavailable',
  ),
  {
    what: 'does not let a throttled call be tried again',
    caughtBy: 'fails with THROTTLED where there are too many calls',
    subject: () => {
      const throttled = () => failingKey(() => new KeyfoldError('THROTTLED', 'no', { retryable: false }))
      return { ...subjectOf(), failures: { ...failures(), throttled } }
    },
  },
  {
    what: 'lets a denied call be tried again',
    caughtBy: 'fails with ACCESS_DENIED where access is denied',
    subject: () => {
      const denied = () => failingKey(() => new KeyfoldError('ACCESS_DENIED', 'no', { retryable: true }))
      return { ...subjectOf(), failures: { ...failures(), denied } }
    },
  },
]

export const brokenCalls: readonly BrokenRow[] = [...ownership, ...aborts, ...stalls, ...mappings]
