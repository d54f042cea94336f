// `npm start [FILE]`: Keyfold's main job on a local key, step by step. Everything that it writes is in the checkout's `.keyfold/`, which
// git ignores; the sealed copy goes when it ends.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { createEnvelope, type Envelope, inspect, KeyfoldError, type KeyProvider } from '@keyfold/core'
import { createLocalKey, localKeys } from '@keyfold/core/local'
import { failureOf, formatFailure } from '../packages/cli/src/failure.ts'
import { formatHeader } from '../packages/cli/src/header-table.ts'
import { formatBytes, maxPlaintextBytes, readInput } from '../packages/cli/src/input.ts'

const usage = `npm start [FILE]

Seals FILE (README.md by default) under a local key, shows its header, opens it again, and shows that a damaged copy and a
wrong context are refused. npm keeps options for itself: npm start -- --help.`

const root = join(import.meta.dirname, '..')
const folder = join(root, '.keyfold')
const keyFile = join(folder, 'keys.json')

try {
  const { values, positionals } = readArguments()
  if (values.help) console.log(usage)
  else await demonstrate(positionals[0] ?? join(root, 'README.md'))
} catch (error) {
  const failure = failureOf(error)
  process.stderr.write(formatFailure(failure, false))
  process.exitCode = failure.exitCode
}

function readArguments(): { values: { help: boolean }; positionals: string[] } {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h', default: false } },
    allowPositionals: true,
    strict: false,
  })
  const known = Object.keys(values).every((name) => name === 'help')
  if (!known || positionals.length > 1)
    throw new KeyfoldError('INVALID_ARGUMENT', `expected one file at most\n${usage}`)
  return { values: { help: values['help'] === true }, positionals }
}

async function demonstrate(path: string): Promise<void> {
  const plaintext = await step(
    'read',
    () => readFile(path),
    (bytes) => `${path}: ${formatBytes(bytes.length)}`,
  )
  const { keys } = await step('key', findOrMakeKey, ({ made }) => `${made ? 'made' : 'found'} ${shown(keyFile)}`)
  const envelope = createEnvelope({ keys })
  const context = { file: basename(path), purpose: 'npm start' }

  const sealed = await step(
    'seal',
    () => envelope.encrypt(plaintext, { context }),
    ({ length }) => formatBytes(length),
  )
  const sealedPath = join(makeTemporaryFolder(), 'sealed')
  await step(
    'write',
    async () => writeFileSync(sealedPath, sealed),
    () => shown(sealedPath),
  )
  const message = readFileSync(sealedPath)
  console.log(`\n${formatHeader(inspect(message))}`)

  await step(
    'open',
    async () => Buffer.compare((await envelope.decrypt(message, { context })).plaintext, plaintext) === 0,
    (same) => (same ? 'the same bytes as before' : 'OTHER BYTES THAN BEFORE'),
    (same) => same,
  )
  await step('wrong context', () => refusal(envelope, message, { ...context, file: 'another file' }), describeRefusal)
  const at = flipMiddle(message)
  await step(
    'damaged copy',
    () => refusal(envelope, message, context),
    (error) => `byte ${at} altered: ${describeRefusal(error)}`,
  )
  console.log('\nThe sealed copy is removed; the key stays for the next time.')
}

/** Does one thing, and prints what came of it and how long it took. @param holds whether it came out as it must */
async function step<T>(
  title: string,
  run: () => Promise<T>,
  describe: (result: T) => string,
  holds: (result: T) => boolean = () => true,
): Promise<T> {
  const startedAt = performance.now()
  const result = await run()
  const tookMs = performance.now() - startedAt
  console.log(`${title.padEnd(15)}${`${tookMs.toFixed(1)} ms`.padStart(10)}   ${describe(result)}`)
  if (!holds(result)) throw new Error(title)
  return result
}

async function readFile(path: string): Promise<Uint8Array> {
  const { stdin, stdout, stderr, env } = process
  return readInput(path, maxPlaintextBytes, { stdin, stdout, stderr, env, signal: new AbortController().signal })
}

async function findOrMakeKey(): Promise<{ readonly keys: KeyProvider; readonly made: boolean }> {
  const made = !existsSync(keyFile)
  if (made) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    await createLocalKey(keyFile)
  }
  return { keys: localKeys(keyFile), made }
}

/** A path as it is reached from where the caller stands. */
function shown(path: string): string {
  return relative(process.cwd(), path)
}

/** Goes when the process does, Ctrl-C included. */
function makeTemporaryFolder(): string {
  const temporary = mkdtempSync(join(folder, 'start-'))
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  return temporary
}

/** The error with which the message is refused: not being refused is the failure here. */
async function refusal(
  envelope: Envelope,
  message: Uint8Array,
  context: Readonly<Record<string, string>>,
): Promise<KeyfoldError> {
  try {
    await envelope.decrypt(message, { context })
  } catch (error) {
    if (KeyfoldError.is(error)) return error
    throw error
  }
  throw new Error('it was opened')
}

function describeRefusal({ code, message }: KeyfoldError): string {
  return `refused, ${code}: ${message}`
}

/** Alters one bit in the middle of the sealed frames. */
function flipMiddle(message: Uint8Array): number {
  const { headerLength } = inspect(message)
  const at = headerLength + Math.floor((message.length - headerLength) / 2)
  message[at] = (message[at] ?? 0) ^ 1
  return at
}
