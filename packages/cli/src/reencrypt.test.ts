import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { folderWithKey, runHere } from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

/** A file `sealed` under `keys.json`, and a key file `new.json`. */
async function sealedFile(...more: string[]) {
  const { at, key, names } = await folderWithKey()
  const plaintext = randomBytes(300_000)
  writeFileSync(at('a'), plaintext)
  const newKey = `local://${at('new.json')}`
  await runHere(['keys', 'create', newKey])
  expect(await runHere(['encrypt', at('a'), '-o', at('sealed'), ...key, ...more])).toMatchObject({ exitCode: 0 })
  const reencrypt = (...args: string[]) => runHere(['reencrypt', at('sealed'), ...key, '--to-key', newKey, ...args])
  const open = async (file: string, uri: string, ...args: string[]) =>
    runHere(['decrypt', at(file), '--key', uri, '-o', '-', ...args])
  return { at, key, names, plaintext, newKey, reencrypt, open }
}

async function headerOf(
  path: string,
): Promise<{ context: object; signed: boolean; frameLength: number; messageId: string }> {
  return JSON.parse((await runHere(['inspect', '--json', path])).stdout.toString())
}

describe('reencrypt', () => {
  test('moves a file to another key, in place, with the rights that it had', async () => {
    const { at, names, plaintext, key, newKey, reencrypt, open } = await sealedFile()
    chmodSync(at('sealed'), 0o640)
    const [before, header] = [names(), await headerOf(at('sealed'))]
    expect(await reencrypt('--in-place')).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('sealed: reenc'),
    })
    expect(names()).toEqual(before)
    if (process.platform !== 'win32') expect(statSync(at('sealed')).mode & 0o777).toBe(0o640)
    expect((await open('sealed', newKey)).stdout.equals(plaintext)).toBe(true)
    expect(await open('sealed', key[1])).toMatchObject({ exitCode: exitCodeOf('AUTHENTICATION_FAILED') })
    expect((await headerOf(at('sealed'))).messageId).not.toBe(header.messageId)
  })

  test('writes another file or a pipe, and leaves the first alone', async () => {
    const { at, plaintext, newKey, reencrypt, open } = await sealedFile()
    const sealed = readFileSync(at('sealed'))
    expect(await reencrypt('-o', at('other'))).toMatchObject({ exitCode: 0 })
    writeFileSync(at('piped'), (await reencrypt()).stdout)
    for (const file of ['other', 'piped']) expect((await open(file, newKey)).stdout.equals(plaintext)).toBe(true)
    expect(readFileSync(at('sealed')).equals(sealed)).toBe(true)
  })

  test('carries the context over, and what is withheld of it', async () => {
    const { at, newKey, reencrypt, open } = await sealedFile('-c', 'a=1', '-c', 'b=2', '-w', 'b')
    const told = await reencrypt('-o', at('b'), '-c', 'b=2', '-w', 'b', '--json')
    expect(JSON.parse(told.stdout.toString())).toMatchObject({ output: at('b'), providerIds: ['keyfold-local'] })
    expect((await headerOf(at('b'))).context).toEqual({ a: '1' })
    expect(await open('b', newKey, '-c', 'b=2', '-w', 'b')).toMatchObject({ exitCode: 0 })
    expect(await open('b', newKey)).toMatchObject({ exitCode: exitCodeOf('AUTHENTICATION_FAILED') })
  })

  test('takes another context, a signature and a frame length where they are named', async () => {
    const { at, reencrypt } = await sealedFile('-c', 'a=1')
    const seal = ['--to-context', 'c=3', '--to-context', 'd=4', '--to-withheld', 'd', '--sign', '--frame-length', '512']
    expect(await reencrypt('-o', at('b'), ...seal)).toMatchObject({ exitCode: 0 })
    expect(await headerOf(at('b'))).toMatchObject({ context: { c: '3' }, signed: true, frameLength: 512 })
  })

  test('checks the context that is asked for, and leaves the file as it was where it is another', async () => {
    const { at, names, reencrypt } = await sealedFile('-c', 'a=1')
    const [before, sealed] = [names(), readFileSync(at('sealed'))]
    expect(await reencrypt('-i', '-c', 'a=2')).toMatchObject({ exitCode: exitCodeOf('CONTEXT_MISMATCH') })
    expect(names()).toEqual(before)
    expect(readFileSync(at('sealed')).equals(sealed)).toBe(true)
  })

  test.each(['', '--sign'])(
    'leaves an altered file as it was, and gives a pipe nothing that opens: %j',
    async (...flags) => {
      const { at, names, newKey, reencrypt, open } = await sealedFile(...flags.filter((flag) => flag !== ''))
      const altered = readFileSync(at('sealed'))
      altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
      writeFileSync(at('sealed'), altered)
      const before = names()
      const refused = { exitCode: exitCodeOf('AUTHENTICATION_FAILED') }
      expect(await reencrypt('-i')).toMatchObject(refused)
      expect(names()).toEqual(before)
      expect(readFileSync(at('sealed')).equals(altered)).toBe(true)
      const piped = await reencrypt()
      expect(piped).toMatchObject(refused)
      writeFileSync(at('piped'), piped.stdout)
      expect(await open('piped', newKey)).toMatchObject({ exitCode: exitCodeOf('MALFORMED_MESSAGE') })
    },
  )

  test('takes one passphrase for both sides, or one for each', async () => {
    const { at, key, plaintext } = await sealedFile()
    const one = { env: { KEYFOLD_PASSPHRASE: 'one' } }
    writeFileSync(at('two'), 'two')
    const [first, second] = [`local://${at('one.json')}`, `local://${at('two.json')}`]
    await runHere(['keys', 'create', first], one)
    await runHere(['keys', 'create', second, '--passphrase-file', at('two')])
    const move = (from: string, to: string, ...more: string[]) =>
      runHere(['reencrypt', at('sealed'), '-i', '--key', from, '--to-key', to, ...more], one)
    expect(await move(key[1], first)).toMatchObject({ exitCode: 0 })
    expect(await move(first, second, '--to-passphrase-file', at('two'))).toMatchObject({ exitCode: 0 })
    const opened = await runHere(['decrypt', at('sealed'), '--key', second, '--passphrase-file', at('two')])
    expect(opened.stdout.equals(plaintext)).toBe(true)
  })

  test('in place takes no output, and no standard input', async () => {
    const keys = ['--key', 'local://a', '--to-key', 'local://b']
    expect(await runHere(['reencrypt', 'a', '-i', '-o', 'b', ...keys])).toMatchObject({ exitCode: 2 })
    expect(await runHere(['reencrypt', '-i', ...keys])).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT') })
  })
})
