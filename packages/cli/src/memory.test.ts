import { truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { folderWithKey, keyfold } from './cli.test-support.ts'

const MiB = 2 ** 20

/** Tells the most memory that a process had, when it ends. */
const tellMemory = "process.on('exit', () => process._rawDebug('maxRSS', process.resourceUsage().maxRSS))"
const node = ['--import', `data:text/javascript,${encodeURIComponent(tellMemory)}`]

async function mostBytes(args: readonly string[], cwd: string): Promise<number> {
  const { exitCode, stderr } = await keyfold(args, { cwd, node })
  expect(exitCode, stderr).toBe(0)
  return Number(/maxRSS ([0-9]+)/.exec(stderr)?.[1]) * 1024
}

test('a file of 160 MiB is sealed, opened, reencrypted and read in part in 110 MiB more than a run without a file takes', async () => {
  const { folder: cwd, at, key } = await folderWithKey()
  writeFileSync(at('sparse'), '')
  truncateSync(at('sparse'), 160 * MiB)
  const idle = mostBytes(['exit-codes'], cwd)
  const demandLittle = async (...args: string[]): Promise<void> => {
    expect(((await mostBytes([...args, ...key], cwd)) - (await idle)) / MiB, args.join(' ')).toBeLessThan(110)
  }
  await demandLittle('encrypt', 'sparse', '-o', 'sealed')
  await Promise.all([
    demandLittle('decrypt', 'sealed', '-o', 'opened'),
    demandLittle('reencrypt', 'sealed', '-o', 'moved', '--to-key', key[1]),
    demandLittle('decrypt', 'sealed', '-o', 'part', '--range', `1-${159 * MiB}`),
  ])
})
