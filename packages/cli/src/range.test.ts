import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { folderWithKey, runHere } from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

const frameBytes = 4096

/** A file `sealed` of frames, and its plaintext. */
async function sealedFile(...more: string[]) {
  const { at, key, names } = await folderWithKey()
  const plaintext = randomBytes(10 * frameBytes + 5)
  writeFileSync(at('a'), plaintext)
  const args = ['encrypt', at('a'), '-o', at('sealed'), ...key, '--frame-length', String(frameBytes), ...more]
  expect(await runHere(args)).toMatchObject({ exitCode: 0 })
  const decrypt = (...args: string[]) => runHere(['decrypt', at('sealed'), ...key, ...args])
  return { at, key, names, plaintext, decrypt }
}

function damage(path: string, at: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.from([readFileSync(path)[at] === 0 ? 1 : 0]), 0, 1, at)
  closeSync(file)
}

describe('decrypt --range', () => {
  test.each([
    [0, 1],
    [4095, 4097],
    [5000, 40_000],
    [0, 40_965],
    [40_965, 40_965],
  ])('gives the bytes from %i up to and without %i', async (start, end) => {
    const { plaintext, decrypt } = await sealedFile()
    const { exitCode, stdout } = await decrypt('--range', `${start}-${end}`)
    expect(exitCode).toBe(0)
    expect(stdout.equals(plaintext.subarray(start, end))).toBe(true)
  })

  test('reads no frame that it does not touch', async () => {
    const { at, plaintext, decrypt } = await sealedFile()
    damage(at('sealed'), statSync(at('sealed')).size - frameBytes - 1000)
    expect(await decrypt('-o', at('whole'))).toMatchObject({ exitCode: exitCodeOf('AUTHENTICATION_FAILED') })
    const { stdout } = await decrypt('-r', '0-8192')
    expect(stdout.equals(plaintext.subarray(0, 8192))).toBe(true)
  })

  test('writes a file whole or not at all, and tells what part it is', async () => {
    const { at, names, decrypt } = await sealedFile('-c', 'tenant=t-42')
    const { stdout } = await decrypt('--range', '10-20', '-o', at('part'), '--json', '-c', 'tenant=t-42')
    const told = {
      start: 10,
      end: 20,
      plaintextBytes: 10,
      totalBytes: 40_965,
      signed: false,
      context: { tenant: 't-42' },
    }
    expect(JSON.parse(stdout.toString())).toMatchObject(told)
    damage(at('sealed'), statSync(at('sealed')).size - frameBytes - 1000)
    const before = names()
    const refused = await decrypt('--range', '0-40965', '-o', at('other'))
    expect(refused).toMatchObject({ exitCode: exitCodeOf('AUTHENTICATION_FAILED') })
    expect(names()).toEqual(before)
  })

  test.each([
    ['0-40966', 'INVALID_ARGUMENT'],
    ['5-4', 'INVALID_ARGUMENT'],
  ] as const)('of %s is refused, and nothing is written', async (range, code) => {
    const { decrypt } = await sealedFile()
    expect(await decrypt('--range', range)).toMatchObject({ exitCode: exitCodeOf(code), stdout: Buffer.alloc(0) })
  })

  test('that ends before it starts is refused before a key is called', async () => {
    const { at } = await sealedFile()
    const args = ['decrypt', at('sealed'), '--range', '10-5']
    const refused = await runHere([...args, '--key', `local://${at('missing.json')}`])
    expect(refused).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT'), stderr: expect.stringContaining('10-5') })
  })

  test.each(['5', '5-', '-5', '0x1-5', '1.5-2', 'a-b'])('of %j cannot be read', async (range) => {
    expect(await runHere(['decrypt', 'a', '--key', 'local://a', '--range', range])).toMatchObject({ exitCode: 2 })
  })

  test('of a signed file is refused unless its signature is to be ignored', async () => {
    const { plaintext, decrypt } = await sealedFile('--sign')
    expect(await decrypt('--range', '0-10')).toMatchObject({ exitCode: exitCodeOf('POLICY_VIOLATION') })
    const { stdout } = await decrypt('--range', '0-10', '--ignore-signature')
    expect(stdout.equals(plaintext.subarray(0, 10))).toBe(true)
    expect(await decrypt('--ignore-signature')).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT') })
  })

  test.runIf(process.platform !== 'win32')('needs a file: neither standard input nor a named pipe', async () => {
    const { at, key } = await sealedFile()
    execFileSync('mkfifo', [at('pipe')])
    for (const file of ['-', at('pipe')]) {
      const refused = await runHere(['decrypt', file, ...key, '--range', '0-1'])
      expect(refused).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT'), stderr: expect.stringMatching(/file/) })
    }
  })
})
