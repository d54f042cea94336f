import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..')

function start(args: readonly string[], cwd: string): { status: number | null; stdout: string; stderr: string } {
  const command = ['--conditions=@keyfold/source', join(import.meta.dirname, 'start.ts'), ...args]
  return spawnSync(process.execPath, command, { cwd, encoding: 'utf8' })
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-start-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test.each([0, 500_000])(
  'npm start shows the main job on a file of %i bytes of the caller, and leaves it alone',
  (length) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a file'), Buffer.alloc(length, 7))
    const { status, stdout, stderr } = start(['a file'], folder)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^key +[0-9.]+ ms +(made|found) /m)
    expect(stdout).toContain('unverified')
    expect(stdout).toMatch(/^open .* the same bytes as before$/m)
    expect(stdout).toMatch(/^wrong context .* refused, CONTEXT_MISMATCH: /m)
    expect(stdout).toMatch(/^damaged copy .* refused, [A-Z_]+: /m)
    expect(readdirSync(folder)).toEqual(['a file'])
    expect(readFileSync(join(folder, 'a file')).every((byte) => byte === 7)).toBe(true)
    expect(
      readdirSync(join(root, '.keyfold')).filter((name) => name !== 'keys.json' && !name.startsWith('start-')),
    ).toEqual([])
  },
  60_000,
)

test('npm start refuses a file over 1 GiB, one that is missing, and a second one, in one sentence each', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'big'), '')
  truncateSync(join(folder, 'big'), 2 ** 30 + 1)
  const big = start(['big'], folder)
  expect(big).toMatchObject({ status: 14, stdout: '' })
  expect(big.stderr).toMatch(/^keyfold: LIMIT_EXCEEDED: big: it has 1073741825 bytes, [^\n]* 1073741824 \(1 GiB\)\n$/)
  expect(start(['missing'], folder)).toMatchObject({
    status: 10,
    stdout: '',
    stderr: expect.stringMatching(/missing: there is no such file/),
  })
  expect(start(['big', 'missing'], folder)).toMatchObject({ status: 10, stdout: '' })
}, 60_000)
