// `npm start [FILE]`: Keyfold's main job on a local key, step by step. Everything that it writes is in the checkout's `.keyfold/`, which
// git ignores; the sealed copy goes when it ends.
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { createEnvelope, dataKeyCache, type Envelope, KeyfoldError, type KeyProvider } from '@keyfold/core'
import { createLocalKey, localKeys } from '@keyfold/core/local'
import { failureOf, fileFailure, formatFailure, systemCode } from '../packages/cli/src/failure.ts'
import { formatBytes } from '../packages/cli/src/format-bytes.ts'
import { formatHeader } from '../packages/cli/src/header-table.ts'
import { openInput } from '../packages/cli/src/input.ts'
import { readHeader } from '../packages/cli/src/inspect.ts'
import { recordBytes, recordCount, sealRecords } from './start-cache.ts'
import { type RangeRead, readMiddle } from './start-range.ts'
import { alteredFile, openFile, type Refusal, refusal, type Sealed, sealFile } from './start-streams.ts'

const usage = `npm start [FILE]

Seals FILE (README.md by default, of any size) under a local key and shows its header, opens it again, reads a part of it, shows
that a wrong context and a damaged copy are refused, and seals small records without and with a cache of data keys. npm keeps
options for itself: npm start -- --help.`

const root = join(import.meta.dirname, '..')
const folder = join(root, '.keyfold')
const keyFile = join(folder, 'keys.json')

process.stdout.on('error', (error) => {
  if (systemCode(error) === 'EPIPE') return // a reader that is gone, as in `npm start --silent | head -3`
  const failure = failureOf(fileFailure('standard output', error))
  process.stderr.write(formatFailure(failure, false))
  process.exit(failure.exitCode)
})
process.stderr.on('error', () => undefined)
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
  const { stdin, stdout, stderr, env } = process
  const surroundings = { stdin, stdout, stderr, env, signal: new AbortController().signal }
  const input = await openInput(path, surroundings)
  const { keys } = await step('key', findOrMakeKey, ({ made }) => `${made ? 'made' : 'found'} ${shown(keyFile)}`)
  const envelope = createEnvelope({ keys })
  const context = { file: basename(path), purpose: 'npm start' }
  const sealedPath = join(makeTemporaryFolder(), 'sealed')
  const sealed = await step(
    'seal',
    () => sealFile(envelope, input, sealedPath, context),
    ({ plaintextBytes, messageBytes }) =>
      `${path}: ${formatBytes(plaintextBytes)}, ${formatBytes(messageBytes)} in ${shown(sealedPath)}`,
  )
  console.log(`\n${formatHeader(await readHeader(sealedPath, surroundings))}`)
  await openAgain(envelope, { sealedPath, sealed, context })
  await sealManyRecords(keys)
  console.log('\nThe sealed copy is removed; the key stays for the next time.')
}

interface SealedFile {
  readonly sealedPath: string
  readonly sealed: Sealed
  readonly context: Readonly<Record<string, string>>
}

async function openAgain(envelope: Envelope, { sealedPath, sealed, context }: SealedFile): Promise<void> {
  const { plaintextBytes, messageBytes } = sealed
  await step(
    'open',
    async () => (await openFile(envelope, sealedPath, context)) === sealed.sha256,
    (same) => (same ? 'the same bytes as before' : 'OTHER BYTES THAN BEFORE'),
    (same) => same,
  )
  await step('range', () => readMiddle(envelope, sealedPath, plaintextBytes, context), describeRange(messageBytes))
  const wrong = { ...context, file: 'another file' }
  await step('wrong context', () => refusal(envelope, createReadStream(sealedPath), wrong), describeRefusal)
  // In a frame, whatever the file: the header is at the message's begin, and the last frame's tag at its end.
  const at = messageBytes - Math.floor(plaintextBytes / 2) - 1
  await step(
    'damaged copy',
    () => refusal(envelope, alteredFile(sealedPath, at), context),
    (refused) => `byte ${at} altered: ${describeRefusal(refused)}`,
  )
}

/** What the log of a key service would show. */
async function sealManyRecords(keys: KeyProvider): Promise<void> {
  const describe = (keyCalls: number): string =>
    `${recordCount} records of ${recordBytes} bytes: the key was called ${keyCalls === 1 ? 'once' : `${keyCalls} times`}`
  await step('without cache', () => sealRecords(keys), describe)
  await step('with cache', () => sealRecords(keys, dataKeyCache({ maxAgeMs: 60_000 })), describe)
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

function describeRange(messageBytes: number): (range: RangeRead) => string {
  return ({ start, plaintext, reads, bytesRead }) => {
    const cost = `${reads} reads, ${formatBytes(bytesRead)} of ${formatBytes(messageBytes)}`
    return `${formatBytes(plaintext.length)} from byte ${start} on: ${cost}`
  }
}

function describeRefusal({ error: { code, message }, plaintextBytes }: Refusal): string {
  return `refused after ${formatBytes(plaintextBytes)} of plaintext, ${code}: ${message}`
}
