import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { folderWithKey, keyfold, outcomeOf, runHere, startKeyfold, temporaryFileIn } from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

const key = ['--key', 'local://keys.json']
const posix = process.platform !== 'win32'
const ok = { exitCode: 0 }

function flipLast(path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  writeFileSync(path, bytes)
}

describe('encrypt and decrypt', () => {
  test.each([0, 400_000])('take %i bytes from file to file', async (length) => {
    const { folder: cwd, at, names } = await folderWithKey()
    writeFileSync(at('a'), randomBytes(length))
    const context = ['--context', 'tenant=t-42', '-c', 'formula=a=b']
    expect(await keyfold(['encrypt', 'a', '-o', 'a.sealed', ...key, ...context], { cwd })).toMatchObject(ok)
    const opened = await keyfold(['decrypt', 'a.sealed', '-o', 'b', ...key, ...context], { cwd })
    expect(opened).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^b: opened .* with keyfold-local\/default\n$/),
    })
    expect(readFileSync(at('b')).equals(readFileSync(at('a')))).toBe(true)
    expect(names()).toEqual(['a', 'a.sealed', 'b', 'keys.json'])
    if (posix) expect(statSync(at('b')).mode & 0o777).toBe(0o600)
  })

  test('take standard input to standard output, with nothing else in it', async () => {
    const { folder: cwd } = await folderWithKey()
    const stdin = randomBytes(300_000)
    const sealed = await keyfold(['encrypt', ...key], { cwd, stdin })
    expect(sealed).toMatchObject({ exitCode: 0, stderr: '' })
    const opened = await keyfold(['decrypt', '-', '--output', '-', ...key], { cwd, stdin: sealed.stdout })
    expect(opened).toMatchObject({ exitCode: 0, stderr: '' })
    expect(opened.stdout.equals(stdin)).toBe(true)
  })

  test('seal for several keys, any of which opens', async () => {
    const { folder: cwd } = await folderWithKey()
    await keyfold(['keys', 'create', 'local://other.json?name=other'], { cwd })
    const { stdout } = await keyfold(['encrypt', ...key, '--key', 'local://other.json'], { cwd, stdin: 'x' })
    for (const one of ['local://keys.json', 'local://other.json?name=other']) {
      expect((await keyfold(['decrypt', '--key', one], { cwd, stdin: stdout })).stdout.toString()).toBe('x')
    }
  })

  test('sign, withhold, and choose suite, frame length and policy', async () => {
    const { folder: cwd } = await folderWithKey()
    const args = ['-c', 'a=1', '-c', 'b=2', '--withheld', 'b', '--sign', '--suite', '0x0578', '--frame-length', '4096']
    const { stdout } = await keyfold(['encrypt', ...key, ...args], { cwd, stdin: 'x' })
    const header = JSON.parse((await keyfold(['inspect', '--json'], { stdin: stdout })).stdout.toString())
    expect(header).toMatchObject({ suite: 0x0578, signed: true, frameLength: 4096, context: { a: '1' } })
    const opened = await keyfold(['decrypt', ...key, '-c', 'b=2', '-w', 'b'], { cwd, stdin: stdout })
    expect(opened.stdout.toString()).toBe('x')
    const policy = ['--commitment-policy', 'forbid-encrypt-allow-decrypt']
    const old = await keyfold(['encrypt', ...key, ...policy], { cwd, stdin: 'x' })
    expect(await keyfold(['decrypt', ...key], { cwd, stdin: old.stdout })).toMatchObject({
      exitCode: exitCodeOf('POLICY_VIOLATION'),
    })
    expect(await keyfold(['decrypt', ...key, ...policy], { cwd, stdin: old.stdout })).toMatchObject(ok)
  })

  test('tell their result as JSON: on standard output, or on standard error where the bytes are there', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('a'), 'hello')
    const sealed = await keyfold(['encrypt', 'a', '-o', 'b', ...key, '--json', '-c', 'a=b'], { cwd })
    expect(JSON.parse(sealed.stdout.toString())).toEqual({
      output: 'b',
      plaintextBytes: 5,
      messageBytes: statSync(at('b')).size,
      suite: 0x0478,
      suiteName: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY',
      signed: false,
      missing: [],
      providerIds: ['keyfold-local'],
    })
    const opened = await keyfold(['decrypt', 'b', ...key, '--json'], { cwd })
    expect(opened.stdout.toString()).toBe('hello')
    expect(JSON.parse(opened.stderr)).toMatchObject({
      output: '-',
      plaintextBytes: 5,
      context: { a: 'b' },
      openedBy: { name: 'keyfold-local/default', authenticatesWriter: true },
    })
  })
})

describe('a message that is refused', () => {
  test('leaves nothing, and says why: altered, cut short, another context, another key, no message', async () => {
    const { folder: cwd, at, names } = await folderWithKey()
    writeFileSync(at('a'), 'hello')
    await keyfold(['encrypt', 'a', '-o', 'sealed', ...key, '-c', 'tenant=t-42'], { cwd })
    await keyfold(['keys', 'create', 'local://other.json?name=other'], { cwd })
    const good = readFileSync(at('sealed'))
    flipLast(at('sealed'))
    writeFileSync(at('short'), good.subarray(0, -1))
    writeFileSync(at('good'), good)
    const before = names()
    const cases = [
      [['sealed', ...key], 'AUTHENTICATION_FAILED'],
      [['short', ...key], 'MALFORMED_MESSAGE'],
      [['good', ...key, '-c', 'tenant=t-43'], 'CONTEXT_MISMATCH'],
      [['good', '--key', 'local://other.json'], 'NO_USABLE_KEY'],
      [['a', ...key], 'UNSUPPORTED'],
    ] as const
    for (const [args, code] of cases) {
      const refused = await keyfold(['decrypt', ...args, '-o', 'out'], { cwd })
      const expected =
        code === 'UNSUPPORTED' ? [exitCodeOf('UNSUPPORTED'), exitCodeOf('MALFORMED_MESSAGE')] : [exitCodeOf(code)]
      expect(expected, refused.stderr).toContain(refused.exitCode)
      expect(refused.stderr).toMatch(/^keyfold: [A-Z_]+: /)
      expect(refused.stdout.length).toBe(0)
      expect(names()).toEqual(before)
    }
    expect((await keyfold(['decrypt', 'sealed', ...key], { cwd })).stdout.length).toBe(0)
  })

  test('leaves the file that --force was to overwrite as it was', async () => {
    const { folder: cwd, at, names } = await folderWithKey()
    writeFileSync(at('a'), 'hello')
    await keyfold(['encrypt', 'a', '-o', 'sealed', ...key], { cwd })
    flipLast(at('sealed'))
    const refused = await keyfold(['decrypt', 'sealed', '-o', 'a', '--force', ...key], { cwd })
    expect(refused.exitCode).toBe(exitCodeOf('AUTHENTICATION_FAILED'))
    expect(readFileSync(at('a'), 'utf8')).toBe('hello')
    expect(names()).toEqual(['a', 'keys.json', 'sealed'])
  })

  test('is told as JSON where --json asks for it', async () => {
    const { folder: cwd } = await folderWithKey()
    const { exitCode, stderr, stdout } = await keyfold(['decrypt', ...key, '--json'], { cwd, stdin: 'no message' })
    expect(stdout.length).toBe(0)
    const { error } = JSON.parse(stderr)
    expect(error).toEqual({
      exitCode,
      code: expect.any(String),
      message: expect.any(String),
      retryable: false,
      attempts: [],
    })
    expect(exitCodeOf(error.code)).toBe(exitCode)
  })
})

describe('a pipe', () => {
  test('gets what is authenticated, and the exit code tells that the rest does not hold', async () => {
    const { at, key } = await folderWithKey()
    const plaintext = randomBytes(300_000)
    const sealed = await runHere(['encrypt', ...key], { stdin: plaintext })
    const cut = await runHere(['decrypt', ...key], { stdin: sealed.stdout.subarray(0, -1) })
    expect(cut.exitCode).toBe(exitCodeOf('MALFORMED_MESSAGE'))
    expect(cut.stdout.length).toBeGreaterThan(0)
    expect(plaintext.subarray(0, cut.stdout.length).equals(cut.stdout)).toBe(true)
    writeFileSync(at('cut'), sealed.stdout.subarray(0, -1))
    expect(await runHere(['decrypt', at('cut'), '-o', at('out'), ...key])).toMatchObject({ exitCode: cut.exitCode })
    expect(existsSync(at('out'))).toBe(false)
  })

  test.runIf(posix)('may be a named one, whose writer comes later', async () => {
    const { folder: cwd, at } = await folderWithKey()
    execFileSync('mkfifo', [at('pipe')])
    const child = startKeyfold(['encrypt', 'pipe', '-o', 'sealed', ...key], { cwd })
    const ended = outcomeOf(child)
    await temporaryFileIn(cwd)
    await writeFile(at('pipe'), 'hello')
    expect(await ended).toMatchObject(ok)
    expect((await keyfold(['decrypt', 'sealed', ...key], { cwd })).stdout.toString()).toBe('hello')
  })
})

describe('the output', () => {
  test('that is there is refused before the key file is even looked for', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('a'), 'hello')
    writeFileSync(at('b'), 'mine')
    for (const command of ['encrypt', 'decrypt']) {
      const refused = await keyfold([command, 'a', '-o', 'b', '--key', 'local://missing.json'], { cwd })
      expect(refused).toMatchObject({ exitCode: exitCodeOf('CONFLICT'), stderr: expect.stringContaining('--force') })
    }
    expect(readFileSync(at('b'), 'utf8')).toBe('mine')
  })

  test('may be the input, with --force', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('a'), 'hello')
    expect(await keyfold(['encrypt', 'a', '-o', 'a', '--force', ...key], { cwd })).toMatchObject(ok)
    expect(await keyfold(['decrypt', 'a', '-o', 'a', '--force', ...key], { cwd })).toMatchObject(ok)
    expect(readFileSync(at('a'), 'utf8')).toBe('hello')
  })

  test.runIf(posix)(
    'that is a symbolic link is followed with --force, refused without, and refused when it leads nowhere',
    async () => {
      const { folder: cwd, at } = await folderWithKey()
      writeFileSync(at('real'), 'old')
      symlinkSync('real', at('link'))
      symlinkSync('nothing', at('dangling'))
      const encrypt = (output: string, ...more: string[]) =>
        keyfold(['encrypt', '-o', output, ...key, ...more], { cwd, stdin: 'x' })
      expect(await encrypt('link')).toMatchObject({ exitCode: exitCodeOf('CONFLICT') })
      for (const force of [[], ['-f']]) {
        const stderr = 'keyfold: INVALID_ARGUMENT: dangling: it is a symbolic link to nothing\n'
        expect(await encrypt('dangling', ...force)).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT'), stderr })
      }
      expect(await encrypt('link', '-f')).toMatchObject(ok)
      expect(lstatSync(at('link')).isSymbolicLink()).toBe(true)
      expect((await keyfold(['decrypt', 'real', ...key], { cwd })).stdout.toString()).toBe('x')
    },
  )

  test('without a name is refused by the name of its option', async () => {
    const refused = await runHere(['encrypt', '-o', '', ...key])
    const stderr = expect.stringContaining('INVALID_ARGUMENT: --output is empty')
    expect(refused).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT'), stderr })
  })

  test.runIf(posix)('that is no regular file, a folder or in no folder is refused and left alone', async () => {
    const { folder: cwd, names, at } = await folderWithKey()
    // A pipe of the test's own stands for a device: what broke here would replace the machine's.
    execFileSync('mkfifo', [at('pipe')])
    for (const output of ['pipe', '.', 'missing/out']) {
      for (const force of [[], ['-f']]) {
        const refused = await keyfold(['encrypt', '-o', output, ...force, ...key], { cwd, stdin: 'x' })
        expect(refused).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT') })
      }
    }
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true)
    expect(names()).toEqual(['keys.json', 'pipe'])
  })

  test('whose reader is gone is no success', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('a'), randomBytes(2 ** 22))
    const child = startKeyfold(['encrypt', 'a', ...key], { cwd })
    child.stdout.destroy()
    expect((await outcomeOf(child)).exitCode).toBe(exitCodeOf('UNAVAILABLE'))
  })
})

describe('the input', () => {
  test.runIf(process.platform === 'linux')('may be a file that the system makes while it is read', async () => {
    const { key } = await folderWithKey()
    const sealed = await runHere(['encrypt', '/proc/self/status', ...key])
    expect((await runHere(['decrypt', ...key], { stdin: sealed.stdout })).stdout.toString()).toMatch(/^Name:/)
  })

  test('that is not there, or a folder, is INVALID_ARGUMENT', async () => {
    const { folder: cwd, names } = await folderWithKey()
    for (const file of ['missing', '.']) {
      const refused = await keyfold(['encrypt', file, '-o', 'out', ...key], { cwd })
      expect(refused).toMatchObject({
        exitCode: exitCodeOf('INVALID_ARGUMENT'),
        stderr: expect.stringContaining(`${file}: `),
      })
    }
    expect(names()).toEqual(['keys.json'])
  })
})
