/* Providers that bind a context wrongly. */
import { KeyfoldError } from '../errors.ts'
import type { KeyContext } from '../keys/key-provider.ts'
import type { EncryptionContext } from '../wire/context.ts'
import { shared } from './broken-opening.test-support.ts'
import { type Breakage, type BrokenRow, row, type Sound } from './sound.test-support.ts'

/** Does something to the context of each request before the key sees it. */
const binding = (bound: (request: KeyContext) => Uint8Array) => (s: Sound) =>
  ({
    generateDataKey: async (request, options) =>
      s.generateDataKey({ ...request, contextBytes: bound(request) }, options),
    wrapDataKey: async (request, options) => s.wrapDataKey({ ...request, contextBytes: bound(request) }, options),
    unwrapDataKey: async (request, options) => s.unwrapDataKey({ ...request, contextBytes: bound(request) }, options),
  }) satisfies Partial<Sound>

const binds = (text: (context: EncryptionContext) => string) =>
  binding(({ context }) => new TextEncoder().encode(text(context)))

const pairsOf = (context: EncryptionContext) => Object.entries(context).sort()
const another = (what: string) => `opens under another context only where it binds none: ${what}`

/** Writings of a context in which two different ones look alike. */
const lossy: readonly BrokenRow[] = [
  row(
    'binds the names alone',
    another('a changed value'),
    binds((c) => JSON.stringify(Object.keys(c).sort())),
  ),
  row(
    'binds the values alone',
    another('a changed name'),
    binds((c) => JSON.stringify(Object.values(c).sort())),
  ),
  row(
    'binds the first pair alone',
    another('an added pair'),
    binds((c) => JSON.stringify(pairsOf(c).slice(0, 1))),
  ),
  row(
    'ignores the context',
    another('a first pair added'),
    binding(() => new Uint8Array(0)),
  ),
  row(
    'binds the first pair alone',
    another('a removed pair'),
    binds((c) => JSON.stringify(pairsOf(c).slice(0, 1))),
  ),
  row('declares bindsContext but does not', another('all pairs removed'), (s) => ({
    ...shared(s),
    bindsContext: true,
  })),
  row(
    'sorts all texts',
    another('name and value exchanged'),
    binds((c) => JSON.stringify(pairsOf(c).flat().sort())),
  ),
  row(
    'joins name and value',
    another('the border of name and value moved'),
    binds((c) => JSON.stringify(pairsOf(c).map((pair) => pair.join('')))),
  ),
  row(
    'joins pairs with separators',
    another('separators moved into a value'),
    binds((c) =>
      pairsOf(c)
        .map((pair) => pair.join('='))
        .join(),
    ),
  ),
  row(
    'sorts names and values apart',
    another('values exchanged'),
    binds((c) => JSON.stringify([Object.keys(c).sort(), Object.values(c).sort()])),
  ),
  row(
    'ignores case',
    another('another case'),
    binds((c) => JSON.stringify(pairsOf(c)).toLowerCase()),
  ),
  row(
    'normalizes Unicode',
    another('another Unicode form'),
    binds((c) => JSON.stringify(pairsOf(c)).normalize()),
  ),
]

const refusing = (refuses: (length: number) => boolean, error: () => unknown) =>
  binding(({ contextBytes }) => {
    if (refuses(contextBytes.length)) throw error()
    return contextBytes
  })

const tooLong = () => new KeyfoldError('LIMIT_EXCEEDED', 'the context is too long')

const contexts: readonly BrokenRow[] = [
  row('binds a context that it says it does not', another('a changed value'), () => ({ bindsContext: false })),
  row(
    'calls another context INVALID_ARGUMENT',
    another('a changed value'),
    (s): Breakage => ({
      unwrapDataKey: ((request, options) =>
        s.unwrapDataKey(request, options).catch(() => {
          throw new KeyfoldError('INVALID_ARGUMENT', 'the context is wrong')
        })) satisfies Sound['unwrapDataKey'],
    }),
  ),
  row(
    'binds the order of the pairs',
    'seals and opens under the same context written anew',
    binds((context) => JSON.stringify(context)),
  ),
  row(
    'needs a context',
    'works with an empty context',
    refusing((length) => length === 0, tooLong),
  ),
  row(
    'takes short contexts only',
    'works with a large context',
    refusing((length) => length > 1000, tooLong),
  ),
  row(
    'fails with what its client throws for a long context',
    'works with the largest context of the format, or refuses it',
    refusing(
      (length) => length > 8192,
      () => new RangeError('too long'),
    ),
  ),
  row(
    'alters the context',
    'leaves the context as it was',
    binding(({ contextBytes }) => contextBytes.fill(0)),
  ),
]

export const brokenBindings: readonly BrokenRow[] = [...lossy, ...contexts]
