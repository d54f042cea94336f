import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { folderWithKey, type Outcome, runHere } from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

const ok = { exitCode: 0 }

describe('a signed message', () => {
  async function signedFile(length: number): Promise<{
    at: (name: string) => string
    decrypt: (args: readonly string[]) => Promise<Outcome>
  }> {
    const { at, key } = await folderWithKey()
    writeFileSync(at('a'), '')
    truncateSync(at('a'), length)
    await runHere(['encrypt', at('a'), '-o', at('sealed'), '--sign', ...key])
    return { at, decrypt: (args) => runHere(['decrypt', at('sealed'), ...key, ...args]) }
  }

  test('that is longer than what is held back opens to a file, to a pipe with --signed release, and for other keys', async () => {
    const { at, decrypt } = await signedFile(2 ** 26 + 1)
    const { exitCode, stdout } = await decrypt([])
    expect([exitCode, stdout.length]).toEqual([exitCodeOf('LIMIT_EXCEEDED'), 0])
    expect(await decrypt(['-o', at('out')])).toMatchObject(ok)
    expect(statSync(at('out')).size).toBe(2 ** 26 + 1)
    expect((await decrypt(['--signed', 'release'])).stdout.length).toBe(2 ** 26 + 1)
    const key = `local://${at('keys.json')}`
    expect(await runHere(['reencrypt', at('sealed'), '-i', '--key', key, '--to-key', key])).toMatchObject(ok)
  })

  test('whose signature does not hold leaves no file, and gives a pipe nothing unless it is released', async () => {
    const { at, decrypt } = await signedFile(3 * 2 ** 17)
    const message = readFileSync(at('sealed'))
    message[message.length - 1] = (message.at(-1) ?? 0) ^ 1
    writeFileSync(at('sealed'), message)
    const refused = { exitCode: exitCodeOf('AUTHENTICATION_FAILED') }
    expect(await decrypt(['-o', at('out')])).toMatchObject(refused)
    expect(existsSync(at('out'))).toBe(false)
    expect(await decrypt([])).toMatchObject({ ...refused, stdout: Buffer.alloc(0) })
    const released = await decrypt(['--signed', 'release'])
    expect(released).toMatchObject(refused)
    expect(released.stdout.length).toBe(2 * 2 ** 17)
  })

  test('is not opened with --signed refuse', async () => {
    const { decrypt } = await signedFile(1)
    expect(await decrypt(['--signed', 'refuse'])).toMatchObject({ exitCode: exitCodeOf('POLICY_VIOLATION') })
  })
})
