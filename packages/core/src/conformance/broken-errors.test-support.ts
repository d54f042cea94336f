/* Providers whose errors are no errors, or tell too much. */
import { KeyfoldError } from '../errors.ts'
import { SecretBytes } from '../secret-bytes.ts'
import {
  type Breakage,
  type BrokenRow,
  failingKey,
  failures,
  row,
  type Sound,
  subjectOf,
} from './sound.test-support.ts'

/** Fails to wrap with another error. */
const wrapFails = (error: (bytes: Uint8Array) => unknown) => (s: Sound) => ({
  wrapDataKey: ((request, options) =>
    s.wrapDataKey(request, options).catch(() => {
      throw error(request.dataKey.bytes)
    })) satisfies Sound['wrapDataKey'],
})

const errors: readonly BrokenRow[] = [
  row('throws synchronously', 'answers with promises, and throws nothing at once', (s) => ({
    wrapDataKey: ((request, options) => {
      options.signal.throwIfAborted()
      return s.wrapDataKey(request, options)
    }) satisfies Sound['wrapDataKey'],
  })),
  row('parses before it promises', 'answers with promises, and throws nothing at once', (s) => ({
    unwrapDataKey: ((request, options) => {
      if (request.entry.ciphertext.length < 8) throw new KeyfoldError('MALFORMED_MESSAGE', 'too short')
      return s.unwrapDataKey(request, options)
    }) satisfies Sound['unwrapDataKey'],
  })),
  row('answers without a promise', 'answers with promises, and throws nothing at once', () => ({
    describe: () => ({ state: 'enabled' }),
  })),
  row(
    'fails with a plain Error',
    'fails with KeyfoldErrors of codes that there are',
    wrapFails(() => new Error('no')),
  ),
  row(
    'rejects with nothing',
    'fails with KeyfoldErrors of codes that there are',
    wrapFails(() => undefined),
  ),
  row(
    'fails with a code of its own',
    'fails with KeyfoldErrors of codes that there are',
    wrapFails(() => new KeyfoldError('SERVICE_SAYS_NO' as never, 'no')), // a code that the type does not have
  ),
  row('breaks after a failure', 'works on after failures', (s): Breakage => {
    let failed = false
    const unwrapDataKey: Sound['unwrapDataKey'] = async (request, options) => {
      if (failed) throw new KeyfoldError('UNAVAILABLE', 'the connection is closed')
      try {
        return await s.unwrapDataKey(request, options)
      } catch (error) {
        failed = true
        throw error
      }
    }
    return { unwrapDataKey }
  }),
]

const shows = 'shows no data key in an error'
const refused = (text: string, cause?: unknown) => new KeyfoldError('UNKNOWN', text, { cause })
const adorned = (properties: PropertyDescriptorMap) => Object.defineProperties(refused('no'), properties)
const buffer = (bytes: Uint8Array) => Buffer.from(bytes)
const leaks = (where: string, error: (bytes: Uint8Array) => unknown): BrokenRow =>
  row(`leaks the data key in ${where}`, shows, wrapFails(error))

/** An object with one method, in whose closure the answer is out of sight. */
const answering = (method: string | symbol, answer: unknown) => ({ [method]: () => answer })

/** Keeps a request where no property of its own shows it. */
class Talkative {
  readonly #body: string

  constructor(bytes: Uint8Array) {
    this.#body = buffer(bytes).toString('base64')
  }

  get body(): string {
    return this.#body
  }
}

const leaking: readonly BrokenRow[] = [
  leaks('a message, as hex', (bytes) => refused(`cannot wrap ${buffer(bytes).toString('hex').toUpperCase()}`)),
  leaks('a message, as spaced hex', (bytes) =>
    refused(`cannot wrap <Buffer ${buffer(bytes).toString('hex').replaceAll(/../g, '$& ')}>`),
  ),
  leaks('a message, as base64', (bytes) => refused(`{"plaintext":"${buffer(bytes).toString('base64')}"}`)),
  leaks('a message, in the middle of base64url', (bytes) =>
    refused(Buffer.concat([Buffer.from('a'), bytes, Buffer.from('z')]).toString('base64url')),
  ),
  leaks('a message, as text', (bytes) => refused(`cannot wrap ${new TextDecoder().decode(bytes)}`)),
  leaks('a message, as a list of numbers', (bytes) => refused(`cannot wrap ${bytes}`)),
  leaks('a message, as JSON', (bytes) => refused(JSON.stringify({ plaintext: bytes }))),
  leaks('a message, in part', (bytes) => refused(`cannot wrap ${buffer(bytes).toString('hex').slice(10, 26)}…`)),
  leaks('a stack', (bytes) => adorned({ stack: { value: `Error: ${buffer(bytes).toString('hex')}` } })),
  leaks('the cause of a cause', (bytes) =>
    refused('no', new Error('no', { cause: new Error(buffer(bytes).toString('hex')) })),
  ),
  leaks('an attempt', (bytes) => {
    const error = refused(buffer(bytes).toString('latin1'))
    const attempt = { provider: 'a', providerId: 'a', code: 'UNKNOWN', message: 'no', error } as const
    return new KeyfoldError('UNKNOWN', 'no', { attempts: [attempt] })
  }),
  leaks('a property', (bytes) => Object.assign(refused('no'), { plaintext: Uint8Array.from(bytes) })),
  leaks('a hidden property', (bytes) => adorned({ request: { value: { body: [...bytes] }, enumerable: false } })),
  leaks('a property under a symbol', (bytes) =>
    adorned({ [Symbol('body')]: { value: buffer(bytes).toString('hex') } }),
  ),
  leaks('a getter', (bytes) => {
    const kept = Uint8Array.from(bytes)
    return adorned({ request: { get: () => new Map([['body', kept.buffer]]) } })
  }),
  leaks("a class's getter", (bytes) => refused('no', new Talkative(bytes))),
  leaks('what an object is printed as', (bytes) => refused('no', answering('toString', buffer(bytes).toString('hex')))),
  leaks('what an object is serialized to', (bytes) => refused('no', answering('toJSON', { body: [...bytes] }))),
  leaks('what an object is inspected as', (bytes) =>
    refused('no', answering(Symbol.for('nodejs.util.inspect.custom'), buffer(bytes).toString('base64'))),
  ),
  leaks('a data key that was not released', (bytes) => refused('no', SecretBytes.from(Uint8Array.from(bytes)))),
  leaks('the name of a property', (bytes) => Object.assign(refused('no'), { [buffer(bytes).toString('hex')]: 1 })),
  {
    what: 'leaks the data key where access is denied',
    caughtBy: shows,
    subject: () => {
      const denied = failingKey(() => new KeyfoldError('ACCESS_DENIED', 'no'))
      const { wrapDataKey } = wrapFails((bytes) => refused(buffer(bytes).toString('hex')))(denied as Sound) // it has all
      return { ...subjectOf(), failures: { ...failures(), denied: () => ({ ...denied, wrapDataKey }) } }
    },
  },
]

const lifecycle: readonly BrokenRow[] = [
  row('describes nonsense', 'describes its key as enabled', () => ({ describe: async () => ({ state: 'fine' }) })),
  row('describes a working key as disabled', 'describes its key as enabled', () => ({
    describe: async () => ({ state: 'disabled' }),
  })),
  row('describes a version as a number', 'describes its key as enabled', () => ({
    describe: async () => ({ state: 'enabled', version: 3 }),
  })),
  row('describes rotation as true', 'describes its key as enabled', () => ({
    describe: async () => ({ state: 'enabled', rotation: true }),
  })),
  row('describes a concern of its own invention', 'describes its key as enabled', () => ({
    describe: async () => ({ state: 'enabled', concerns: ['too-old'] }),
  })),
  row('describes a concern as text', 'describes its key as enabled', () => ({
    describe: async () => ({ state: 'enabled', concerns: 'plain-http' }),
  })),
  row('closes only once', 'closes, and closes again', () => {
    let closed = false
    return {
      close: async () => {
        if (closed) throw new Error('closed already')
        closed = true
      },
    }
  }),
]

export const brokenErrors: readonly BrokenRow[] = [...errors, ...leaking, ...lifecycle]
