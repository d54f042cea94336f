import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import { KeyfoldError } from '@keyfold/core'
import { CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { folderWithKey, keyfold, outcomeOf, runHere, startKeyfold } from './cli.test-support.ts'
import { exitCodeOf, exitCodeRows } from './exit-codes.ts'
import { failureOf, formatFailure } from './failure.ts'
import { run } from './index.ts'
import { printable } from './printable.ts'
import { formatTable } from './table.ts'

describe('help', () => {
  test.each([
    ['--help'],
    ['help'],
    ['keys', '--help'],
    ['keys', 'create', '--help'],
    ['keys', 'list', '--help'],
    ['keys', 'rotate', '--help'],
    ['encrypt', '--help'],
    ['decrypt', '--help'],
    ['reencrypt', '--help'],
    ['inspect', '--help'],
    ['doctor', '--help'],
  ])('of %j %j %j has examples', async (...args) => {
    const { exitCode, stdout, stderr } = await runHere(args)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout.toString()).toContain('  $ keyfold ')
  })

  test.each([
    [['help', 'encrypt'], ['encrypt']],
    [
      ['help', 'keys', 'create'],
      ['keys', 'create'],
    ],
    [
      ['keys', 'help', 'create'],
      ['keys', 'create'],
    ],
    [['keys', 'help'], ['keys']],
    [['help'], []],
  ])('is what %j shows too', async (args, command) => {
    expect(await runHere(args)).toEqual(await runHere([...command, '--help']))
  })

  test('is the same from the command itself', async () => {
    const [{ stdout }, here] = [await keyfold(['--help']), await runHere(['--help'])]
    expect(stdout.toString()).toBe(here.stdout.toString())
  })

  test('without a command is shown as an error', async () => {
    expect(await runHere([])).toMatchObject({
      exitCode: 2,
      stdout: Buffer.alloc(0),
      stderr: expect.stringContaining('Start here'),
    })
  })

  test('whose reader is gone is no crash', async () => {
    const command = ['--conditions=@keyfold/source', `${import.meta.dirname}/bin.ts`, '--help']
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk) => (stderr += chunk))
    await new Promise((resolve) => child.on('close', resolve))
    expect(stderr).toBe('')
  })
})

describe('a command line that cannot be read', () => {
  test.each([
    ['an unknown command', ['sael']],
    ['help on an unknown command', ['help', 'sael']],
    ['help on an unknown command of another', ['keys', 'help', 'sael']],
    ['help on a command of one that has none', ['help', 'encrypt', 'sael']],
    ['an unknown option', ['encrypt', '--passphrase', 'p', '--key', 'local://a']],
    ['no key', ['encrypt']],
    ['a second file', ['encrypt', 'a', 'b', '--key', 'local://a']],
    ['a context without a value', ['encrypt', '--key', 'local://a', '--context', 'tenant']],
    ['a context name given twice', ['encrypt', '--key', 'local://a', '-c', 'a=1', '-c', 'a=2']],
    ['a suite that is no number', ['encrypt', '--key', 'local://a', '--suite', 'aes']],
    ['a count of keys that is none', ['encrypt', '--key', 'local://a', '--require', '0']],
    ['a time that is none', ['decrypt', '--key', 'local://a', '--hedge-after', 'soon']],
    ['no key to look at', ['doctor']],
    ['an unknown policy', ['decrypt', '--key', 'local://a', '--commitment-policy', 'none']],
  ])('ends with 2: %s', async (_what, args) => {
    expect(await runHere(args)).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^keyfold: USAGE: .*\n/) })
    const { stderr } = await runHere([...args, '--json'])
    expect(JSON.parse(stderr).error).toMatchObject({ exitCode: 2, code: 'USAGE' })
    if (args.includes('sael')) expect(stderr).toContain("unknown command 'sael'")
  })

  test('does not hide a context named __proto__ from the core', async () => {
    const { folder: cwd } = await folderWithKey()
    const refused = await keyfold(['encrypt', '--key', 'local://keys.json', '-c', '__proto__=x'], { cwd, stdin: 'x' })
    expect(refused).toMatchObject({
      exitCode: exitCodeOf('INVALID_ARGUMENT'),
      stderr: expect.stringContaining('__proto__'),
    })
  })
})

describe('exit codes', () => {
  test('are one a code, and stable', () => {
    const rows = exitCodeRows()
    expect(new Set(rows.map(([exitCode]) => exitCode)).size).toBe(rows.length)
    expect(rows.map(([exitCode, code]) => `${exitCode} ${code}`)).toMatchInlineSnapshot(`
      [
        "0 ok",
        "1 UNEXPECTED",
        "2 USAGE",
        "3 WARNINGS",
        "4 ERRORS",
        "10 INVALID_ARGUMENT",
        "11 MALFORMED_MESSAGE",
        "12 UNSUPPORTED",
        "13 POLICY_VIOLATION",
        "14 LIMIT_EXCEEDED",
        "15 CONTEXT_MISMATCH",
        "16 AUTHENTICATION_FAILED",
        "17 NO_USABLE_KEY",
        "18 KEY_NOT_FOUND",
        "19 KEY_DISABLED",
        "20 SECRET_NOT_FOUND",
        "21 SECRET_DISABLED",
        "22 SECRET_INVALID",
        "23 ACCESS_DENIED",
        "24 UNAUTHENTICATED",
        "25 THROTTLED",
        "26 UNAVAILABLE",
        "27 TIMEOUT",
        "28 ABORTED",
        "29 TRANSPORT_CORRUPTION",
        "30 LEASE_EXPIRED",
        "31 CONFLICT",
        "32 UNKNOWN",
        "130 SIGINT",
      ]
    `)
  })

  test('are listed by two commands', async () => {
    for (const args of [['exit-codes'], ['help', 'exit-codes']]) {
      const { exitCode, stdout } = await runHere(args)
      expect(exitCode).toBe(0)
      expect(stdout.toString()).toMatch(/^16 +AUTHENTICATION_FAILED +/m)
    }
  })
})

describe('standard output', () => {
  test.each([['exit-codes'], ['keys', 'list', 'local://keys.json'], ['inspect', 'sealed']])(
    'whose reader is gone is UNAVAILABLE: %s',
    async (...args) => {
      const { folder: cwd } = await folderWithKey()
      await keyfold(['encrypt', '-o', 'sealed', '--key', 'local://keys.json'], { cwd })
      const child = startKeyfold(args, { cwd })
      child.stdout.destroy()
      expect(await outcomeOf(child)).toMatchObject({
        exitCode: exitCodeOf('UNAVAILABLE'),
        stderr: expect.stringContaining('standard output: its reader is gone'),
      })
    },
  )

  test.runIf(process.platform === 'linux')(
    'that is full is UNAVAILABLE, though a file is in place by then',
    async () => {
      const { at, key, names } = await folderWithKey()
      for (const args of [['exit-codes'], ['encrypt', at('keys.json'), '-o', at('sealed'), '--json', ...key]]) {
        const stdout = createWriteStream('/dev/full').on('error', () => undefined)
        const [stdin, stderr] = [new PassThrough(), new PassThrough()]
        const around = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal }
        expect(await run(args, around)).toBe(exitCodeOf('UNAVAILABLE'))
      }
      expect(names()).toEqual(['keys.json', 'sealed'])
    },
  )
})

describe('a failure', () => {
  test('of several keys is a table, and as JSON a list', () => {
    const one = new KeyfoldError('ACCESS_DENIED', 'no')
    const attempt = { provider: 'a', providerId: 'p', code: one.code, message: 'no', error: one }
    const failure = failureOf(
      new KeyfoldError('NO_USABLE_KEY', 'none of 2:\n  a  p\n  b  p', { attempts: [attempt, attempt] }),
    )
    expect(formatFailure(failure, false)).toBe('keyfold: NO_USABLE_KEY: none of 2:\n  a  p\n  b  p\n')
    expect(JSON.parse(formatFailure(failure, true)).error.attempts[1]).toEqual({
      provider: 'a',
      providerId: 'p',
      code: 'ACCESS_DENIED',
      message: 'no',
    })
  })

  test('that Keyfold does not know shows neither its text nor its stack', () => {
    const shown = formatFailure(failureOf(new TypeError('secret')), false)
    expect(shown).toBe('keyfold: UNEXPECTED: a TypeError that Keyfold does not know\n')
    expect(failureOf('secret')).toMatchObject({ exitCode: 1, message: 'a string that Keyfold does not know' })
  })

  test('of the command line shows no reference', () => {
    const error = new CommanderError(1, 'x', "error: unknown command 'vault://a/b?c=d'")
    expect(failureOf(error).message).toBe("unknown command 'vault://…'")
  })
})

describe('inspect', () => {
  test('shows a header as a table that says that it is unverified', async () => {
    const { folder: cwd } = await folderWithKey()
    const key = ['--key', 'local://keys.json']
    const { stdout } = await keyfold(['encrypt', ...key, '-c', 'a=1', '-c', 'b=\u001b[2J'], {
      cwd,
      stdin: 'x'.repeat(3_000_000),
    })
    const table = (await keyfold(['inspect'], { stdin: stdout })).stdout.toString()
    expect(table).toMatch(/^Header \(unverified/)
    expect(table).toContain('0x0478')
    expect(table).toContain('b = \\u{1b}[2J')
    expect(table).toMatch(/1 +keyfold-local +default\/1 +48 bytes/)
  })

  test('waits for nothing after the header of a pipe that stays open', async () => {
    const { at } = await folderWithKey()
    const { stdout } = await runHere(['encrypt', '--key', `local://${at('keys.json')}`, '-c', 'a=1'], { stdin: 'x' })
    const child = startKeyfold(['inspect', '--json'])
    const ended = outcomeOf(child)
    child.stdin.write(stdout)
    expect(JSON.parse((await ended).stdout.toString()).context).toEqual({ a: '1' })
  })

  test('tells where a header ends that is cut', async () => {
    const { at } = await folderWithKey()
    const { stdout } = await runHere(['encrypt', '--key', `local://${at('keys.json')}`], { stdin: 'x' })
    expect(await runHere(['inspect'], { stdin: stdout.subarray(0, 50) })).toMatchObject({
      exitCode: exitCodeOf('MALFORMED_MESSAGE'),
      stderr: expect.stringMatching(/ends at byte 50, within /),
    })
  })

  test('answers what is no message with an error', async () => {
    expect(await runHere(['inspect'])).toMatchObject({ exitCode: exitCodeOf('MALFORMED_MESSAGE') })
    expect(await runHere(['inspect', 'missing'])).toMatchObject({ exitCode: exitCodeOf('INVALID_ARGUMENT') })
  })
})

test('a table is aligned, and text of others cannot steer a terminal', () => {
  expect(
    formatTable(
      [
        ['a', 'bb'],
        ['ccc', 'd'],
      ],
      ' ',
    ),
  ).toBe(' a    bb\n ccc  d')
  expect(printable('a\u009b\n\u202eé')).toBe('a\\u{9b}\\u{a}\\u{202e}é')
  expect(printable('a\nb\r', { lines: true })).toBe('a\nb\\u{d}')
})
