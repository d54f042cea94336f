import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { folderWithKey } from './cli.test-support.ts'
import { run } from './index.ts'
import { formatDuration, type ProgressOptions, startProgress } from './progress.ts'
import type { Surroundings } from './surroundings.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(() => void vi.useRealTimers())

function terminal(): PassThrough & { isTTY: boolean; columns: number } {
  return Object.assign(new PassThrough(), { isTTY: true, columns: 120 })
}

interface Watched extends Surroundings {
  readonly stderr: PassThrough
}

function surroundings(changes: Partial<Watched> = {}): Watched {
  const signal = new AbortController().signal
  return { stdin: Readable.from([]), stdout: new PassThrough(), stderr: terminal(), env: {}, signal, ...changes }
}

const options: ProgressOptions = { title: 'sealing a', totalBytes: 4 * 2 ** 20, output: 'b', quiet: false }

/** What is shown of a run that has done a quarter in half a second. */
function shown(changes: Partial<ProgressOptions> = {}, around: Watched = surroundings()): string {
  const progress = startProgress({ ...options, ...changes }, around)
  progress.add(2 ** 20)
  vi.advanceTimersByTime(500)
  progress.stop()
  return String(around.stderr.read() ?? '')
}

/** The line that such a run shows on a terminal of so many columns. */
function lineFor(title: string, columns = 80, known = true): string {
  const around = surroundings({ stderr: Object.assign(terminal(), { columns }) })
  const text = shown({ title, totalBytes: known ? 4.5 * 2 ** 20 : undefined }, around)
  const [line = ''] = text.slice(text.indexOf('seal')).split('\u001b')
  expect(line.length).toBeLessThanOrEqual(columns)
  return line
}

describe('progress', () => {
  test('shows percentage, bytes, rate and what is left, and takes itself away', () => {
    const text = shown()
    expect(text).toContain('sealing a  [=====---------------]   25 %     1 MiB of 4 MiB  2 MiB/s  0:02 left')
    expect(text.endsWith('\u001b[2K')).toBe(true)
  })

  test('shows its figures whole on a narrow terminal, where the bar gives way first, and then the title', () => {
    const figures = ' 22 %     1 MiB of 4.50 MiB  2 MiB/s  0:02 left'
    expect(lineFor('sealing a')).toBe(`sealing a  [====--------------]  ${figures}`)
    expect(lineFor('sealing a-long.csv')).toBe(`sealing a-long.csv  [==-------]  ${figures}`)
    expect(lineFor('sealing a-rather-long-report-name.csv')).toBe(`sealing a-rather-long…  [=----]  ${figures}`)
    expect(lineFor('sealing a-long-name.csv', 56)).toBe(`sealin…  ${figures}`)
    expect(lineFor('sealing a-long-name.csv', 30, false)).toBe('sealing a-lon…  1 MiB  2 MiB/s')
  })

  test('measures titles in columns, of which a wide character takes two', () => {
    const figures = '1 MiB  2 MiB/s'
    expect(lineFor('sealing 報告書.csv', 34, false)).toBe(`sealing 報告書.csv  ${figures}`)
    expect(lineFor('sealing 報告書.csv', 33, false)).toBe(`sealing 報告書.c…  ${figures}`)
    expect(lineFor('sealing 報告書.csv', 28, false)).toBe(`sealing 報…  ${figures}`)
    expect(lineFor('sealing 🎉🎉🎉🎉', 29, false)).toBe(`sealing 🎉🎉…  ${figures}`)
    // One column each, but cli-progress counts two.
    expect(lineFor('sealing 𝐚𝐛𝐜𝐝', 29, false)).toBe(`sealing 𝐚𝐛…  ${figures}`)
    expect(lineFor('sealing 報告書.csv')).toContain('sealing 報告書.csv  [==-------]  ')
  })

  test('lets the bar give way, and never jump back, while the figures change their length', () => {
    const around = surroundings({ stderr: Object.assign(terminal(), { columns: 80 }) })
    const progress = startProgress({ ...options, totalBytes: 64 * 2 ** 20 }, around)
    vi.advanceTimersByTime(500)
    for (const bytes of [11.3, 4.7, 4, 7.15, 12.85, 10, 5.5, 4.5]) {
      progress.add(Math.round(bytes * 2 ** 20))
      vi.advanceTimersByTime(500)
    }
    progress.stop()
    const bars = [...String(around.stderr.read()).matchAll(/\[([=-]+)\]/g)].map(([, bar = '']) => bar.length)
    expect(bars).toEqual(bars.toSorted((a, b) => b - a))
    expect(new Set(bars.slice(2)).size).toBe(1)
  })

  test('shows bytes and rate alone where the length is not known', () => {
    const text = shown({ totalBytes: undefined })
    expect(text).toContain('sealing a  1 MiB  2 MiB/s')
    expect(text).not.toMatch(/%|left|=/)
  })

  test('is drawn again while nothing comes, so that a run that has stalled shows it', () => {
    const around = surroundings()
    const progress = startProgress({ ...options, totalBytes: undefined }, around)
    progress.add(2 ** 20)
    vi.advanceTimersByTime(2000)
    progress.stop()
    expect(String(around.stderr.read())).toContain('sealing a  1 MiB  512 KiB/s')
  })

  test('is not shown before half a second', () => {
    const around = surroundings()
    const progress = startProgress(options, around)
    vi.advanceTimersByTime(499)
    progress.stop()
    vi.advanceTimersByTime(1000)
    expect(around.stderr.read()).toBe(null)
  })

  test.each([
    ['standard error is no terminal', {}, { stderr: new PassThrough() }],
    ['the terminal can move no cursor', {}, { env: { TERM: 'dumb' } }],
    ['nothing is to be said', { quiet: true }, {}],
    ['the result itself goes to the terminal', { output: '-' }, { stdout: terminal() }],
  ])('is not shown where %s', (_why, changes, around) => {
    expect(shown(changes, surroundings(around))).toBe('')
  })

  test('cannot be made to steer the terminal by a name', () => {
    expect(shown({ title: 'sealing \u001b[2J' })).toContain('sealing \\u{1b}[2J')
  })

  test('writes hours only where there are some', () => {
    expect([0, 1, 59_001, 754_000, 3_600_000].map(formatDuration)).toEqual(['0:00', '0:01', '1:00', '12:34', '1:00:00'])
  })
})

describe('a run that takes long', () => {
  /** Seals standard input, which has nothing for a second, for whom a terminal is there. */
  async function sealSlowly(...more: string[]): Promise<string> {
    const { at, key } = await folderWithKey()
    const reading = Promise.withResolvers<void>()
    const stdin = new Readable({ read: () => reading.resolve() })
    const around = surroundings({ stdin })
    const ended = run(['encrypt', '-o', at('out'), ...key, ...more], around)
    await reading.promise
    vi.advanceTimersByTime(1000)
    stdin.push(null)
    expect(await ended).toBe(0)
    return String(around.stderr.read() ?? '')
  }

  test('shows progress, then its result alone', async () => {
    const [bar = '', result = ''] = (await sealSlowly()).split('\u001b[2K') // the line is cleared
    expect(bar).toContain('sealing standard input  0 bytes')
    expect(result).toMatch(/^[^\n]*: sealed 0 bytes [^\n]*\n$/)
  })

  test.each(['--quiet', '--json'])('shows none with %s', async (flag) => {
    expect(await sealSlowly(flag)).toBe('')
  })
})
