import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { folderWithKey, keyfold, outcomeOf, startKeyfold, temporaryFileIn } from './cli.test-support.ts'
import { listenForSignals } from './signals.ts'

describe.runIf(process.platform !== 'win32')('an interrupted run', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s removes its temporary file and ends with %i', async (signal, exitCode) => {
    const { folder: cwd, names, key } = await folderWithKey()
    const child = startKeyfold(['encrypt', '-o', 'out', ...key], { cwd })
    const ended = outcomeOf(child)
    child.stdin.write('it waits for more')
    await temporaryFileIn(cwd)
    child.kill(signal)
    expect(await ended).toMatchObject({ exitCode, stderr: expect.stringContaining('ABORTED') })
    expect(names()).toEqual(['keys.json'])
  })

  test('in the midst of writing leaves no part of the plaintext', async () => {
    const { folder: cwd, at, names, key } = await folderWithKey()
    writeFileSync(at('a'), randomBytes(2 ** 25))
    await keyfold(['encrypt', 'a', '-o', 'sealed', ...key], { cwd })
    const child = startKeyfold(['decrypt', 'sealed', '-o', 'out', ...key], { cwd })
    const ended = outcomeOf(child)
    const temporary = await temporaryFileIn(cwd)
    while (child.exitCode === null && (statSync(at(temporary), { throwIfNoEntry: false })?.size ?? 1) === 0)
      await sleep(1)
    child.kill('SIGINT')
    // It may have been quicker than the signal; but there is no third way.
    const files = (await ended).exitCode === 0 ? ['a', 'keys.json', 'out', 'sealed'] : ['a', 'keys.json', 'sealed']
    expect(names()).toEqual(files)
  })

  test('that waits for the writer of a named pipe ends at the first signal', async () => {
    const { folder: cwd, at, names, key } = await folderWithKey()
    execFileSync('mkfifo', [at('pipe')])
    const child = startKeyfold(['encrypt', 'pipe', '-o', 'out', ...key], { cwd })
    const ended = outcomeOf(child)
    await temporaryFileIn(cwd)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(names()).toEqual(['keys.json', 'pipe'])
  })

  test('whose reader has stopped reading ends at the first signal', async () => {
    const { folder: cwd, at, key } = await folderWithKey()
    writeFileSync(at('a'), randomBytes(2 ** 23))
    await keyfold(['encrypt', 'a', '-o', 'sealed', ...key], { cwd })
    for (const part of [[], ['--range', `0-${2 ** 23}`]]) {
      const child = startKeyfold(['decrypt', 'sealed', ...key, ...part], { cwd })
      await once(child.stdout, 'readable')
      child.kill('SIGTERM')
      expect(await once(child, 'exit')).toEqual([143, null])
    }
  })
})

test('after the first signal each one, of whatever kind, has its usual effect again', () => {
  const process = new EventEmitter()
  const interruption = listenForSignals(process)
  expect([interruption.signal.aborted, interruption.exitCode()]).toEqual([false, undefined])
  process.emit('SIGTERM', 'SIGTERM')
  expect([interruption.signal.aborted, interruption.exitCode()]).toEqual([true, 143])
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) expect(process.listenerCount(signal)).toBe(0)
})
