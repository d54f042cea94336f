import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..')

function start(
  args: readonly string[],
  cwd: string,
  node: readonly string[] = [],
): { status: number | null; stdout: string; stderr: string } {
  const command = [...node, '--conditions=@keyfold/source', join(import.meta.dirname, 'start.ts'), ...args]
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
    expect(stdout).toMatch(/^wrong context .* refused after 0 bytes of plaintext, CONTEXT_MISMATCH: /m)
    expect(stdout).toMatch(/^damaged copy .* refused after [^,]+ of plaintext, [A-Z_]+: /m)
    expect(stdout).toMatch(length === 0 ? /^range .* 0 bytes from byte 0 on/m : /^range .* 64 KiB .* on: 3 reads, /m)
    expect(stdout).toMatch(/^without cache .* called 1000 times$/m)
    expect(stdout).toMatch(/^with cache .* called once$/m)
    expect(readdirSync(folder)).toEqual(['a file'])
    expect(readFileSync(join(folder, 'a file')).every((byte) => byte === 7)).toBe(true)
    expect(
      readdirSync(join(root, '.keyfold')).filter((name) => name !== 'keys.json' && !name.startsWith('start-')),
    ).toEqual([])
  },
  60_000,
)

test('npm start takes a large file in little memory', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'big'), '')
  truncateSync(join(folder, 'big'), 160 * 2 ** 20)
  const tellMemory = "process.on('exit', () => process._rawDebug(process.resourceUsage().maxRSS))"
  const node = ['--import', `data:text/javascript,${encodeURIComponent(tellMemory)}`]
  const { status, stdout, stderr } = start(['big'], folder, node)
  expect(status, stderr).toBe(0)
  expect(stdout).toContain('160 MiB')
  // About 100 MiB of it is Node with the sources of the project.
  expect(Number(stderr) / 1024).toBeLessThan(250)
}, 60_000)

test('npm start whose reader is gone is no crash', async () => {
  const command = ['--conditions=@keyfold/source', join(import.meta.dirname, 'start.ts')]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const ended = once(child, 'close')
  expect(await text(child.stderr)).toBe('')
  expect(await ended).toEqual([0, null])
}, 60_000)

test('npm start refuses a file that is missing, and a second one, in one sentence each', () => {
  const folder = temporaryFolder()
  expect(start(['missing'], folder)).toMatchObject({
    status: 10,
    stdout: '',
    stderr: expect.stringMatching(/missing: there is no such file/),
  })
  expect(start(['a', 'missing'], folder)).toMatchObject({ status: 10, stdout: '' })
}, 60_000)
