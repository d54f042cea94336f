import { type Options, type Params, SingleBar } from 'cli-progress'
import stringWidth from 'string-width'
import { formatBytes } from './format-bytes.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

/** Tells people how far a long run has come. */
export interface Progress {
  /** So many bytes more are done. */
  add(bytes: number): void
  /** Takes what is shown away again. */
  stop(): void
}

/** What is to be shown. */
export interface ProgressOptions {
  /** What is done to what: `sealing report.pdf`. */
  readonly title: string
  readonly totalBytes: number | undefined
  /** Where the result goes. */
  readonly output: string
  /** Whether nothing is to be shown. */
  readonly quiet: boolean
}

/** A run that is shorter is over before anybody wonders. */
const showAfterMs = 500

/** A progress bar on standard error, once the run takes long; none where standard error is no terminal. */
export function startProgress(options: ProgressOptions, surroundings: Surroundings): Progress {
  if (!isWanted(options, surroundings)) return { add: () => undefined, stop: () => undefined }
  const { title, totalBytes } = options
  const startedAt = Date.now()
  let doneBytes = 0
  let widest = 0
  /** As wide as they have ever been: shorter ones would let the bar grow, and jump. */
  const figures = (): string => {
    const text = formatFigures({ doneBytes, totalBytes, elapsedMs: Date.now() - startedAt })
    widest = Math.max(widest, text.length)
    return text.padEnd(widest)
  }
  const format = totalBytes === undefined ? formatCount : formatBar
  // Neither cursor nor line wrapping is touched: a run that is killed could not restore them.
  const settings = { hideCursor: null, linewrap: true, clearOnComplete: true, emptyOnZero: true }
  const bar = new SingleBar({ stream: surroundings.stderr, format, ...settings })
  const payload = {
    title: printable(title),
    // Read whenever the bar is drawn, so that a run that has stalled shows it.
    get figures() {
      return figures()
    },
  }
  const timer = setTimeout(() => bar.start(totalBytes ?? 0, doneBytes, payload), showAfterMs).unref()
  return {
    add(bytes) {
      doneBytes += bytes
      bar.update(doneBytes)
    },
    stop() {
      clearTimeout(timer)
      bar.stop()
    },
  }
}

interface Payload {
  readonly title: string
  readonly figures: string
}

function formatCount(_options: Options, { maxWidth }: Params, { title, figures }: Payload): string {
  return `${shortened(title, maxWidth - figures.length - 2)}  ${figures}`
}

/** The figures are shown whole, as far as there is room: on a narrow terminal the bar gets shorter first, then the title, and then there is no bar. */
function formatBar(_options: Options, { progress, maxWidth }: Params, { title, figures }: Payload): string {
  const rest = `  ${String(Math.floor(progress * 100)).padStart(3)} %  ${figures}`
  const room = maxWidth - rest.length - '  []'.length
  if (room < shortestBar) return `${shortened(title, maxWidth - rest.length)}${rest}`
  const barsize = Math.max(shortestBar, Math.min(longestBar, room - columnsOf(title)))
  const bar = '='.repeat(Math.round(progress * barsize)).padEnd(barsize, '-')
  return `${shortened(title, room - barsize)}  [${bar}]${rest}`
}

const shortestBar = 5
const longestBar = 20

function shortened(text: string, most: number): string {
  if (most < 1) return ''
  if (columnsOf(text) <= most) return text
  let [kept, columns] = ['', 1] // the ellipsis is one
  for (const character of text) {
    columns += columnsOf(character)
    if (columns > most) break
    kept += character
  }
  return `${kept}…`
}

/** How many columns of a terminal it takes at the most. A character counts no less than in `length`, by which cli-progress cuts lines. */
function columnsOf(text: string): number {
  return [...text].reduce((columns, character) => columns + Math.max(character.length, stringWidth(character)), 0)
}

/** Where the result itself appears on a terminal, a bar would get into it. */
function isWanted({ quiet, output }: ProgressOptions, { stdout, stderr, env }: Surroundings): boolean {
  return !quiet && stderr.isTTY === true && env['TERM'] !== 'dumb' && !(output === '-' && stdout.isTTY === true)
}

interface Figures {
  readonly doneBytes: number
  readonly totalBytes: number | undefined
  readonly elapsedMs: number
}

/** `1.20 GiB of 2.86 GiB  310.00 MiB/s  0:05 left` */
function formatFigures({ doneBytes, totalBytes, elapsedMs }: Figures): string {
  const bytesPerMs = doneBytes / elapsedMs
  const rate = `${formatBytes(Math.round(bytesPerMs * 1000))}/s`
  if (totalBytes === undefined) return `${formatBytes(doneBytes)}  ${rate}`
  const left = bytesPerMs > 0 ? `  ${formatDuration((totalBytes - doneBytes) / bytesPerMs)} left` : ''
  // As long as any that stays for a while: what is short itself, as `1 GiB`, has longer ones on the way.
  const longest = totalBytes >= 2 ** 30 ? '1023.99 MiB' : formatBytes(totalBytes - 1)
  const done = formatBytes(doneBytes).padStart(longest.length)
  return `${done} of ${formatBytes(totalBytes)}  ${rate}${left}`
}

/** `0:05`, `12:30`, `1:00:00` */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const [first = 0, ...rest] = parts[0] === 0 ? parts.slice(1) : parts
  return [String(first), ...rest.map((part) => String(part).padStart(2, '0'))].join(':')
}
