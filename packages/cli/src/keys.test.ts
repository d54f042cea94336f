import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { folderWithKey, keyfold, runHere } from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

const posix = process.platform !== 'win32'

describe('keys', () => {
  test('create makes a file of mode 0600, and never replaces a key', async () => {
    const { folder: cwd, at } = await folderWithKey()
    const made = await keyfold(['keys', 'create', 'local://new.json?name=a', '--json'], { cwd })
    expect(JSON.parse(made.stdout.toString())).toMatchObject({ path: 'new.json', name: 'a', version: 1 })
    if (posix) expect(statSync(at('new.json')).mode & 0o777).toBe(0o600)
    const before = readFileSync(at('keys.json'), 'utf8')
    expect(await keyfold(['keys', 'create', 'local://keys.json'], { cwd })).toMatchObject({
      exitCode: exitCodeOf('CONFLICT'),
    })
    expect(readFileSync(at('keys.json'), 'utf8')).toBe(before)
  })

  test('rotate adds a version that seals; what was sealed before still opens', async () => {
    const { folder: cwd } = await folderWithKey()
    const key = ['--key', 'local://keys.json']
    const old = await keyfold(['encrypt', ...key], { cwd, stdin: 'x' })
    const rotated = await keyfold(['keys', 'rotate', 'local://keys.json', '--json'], { cwd })
    expect(JSON.parse(rotated.stdout.toString())).toMatchObject({ path: 'keys.json', name: 'default', version: 2 })
    expect((await keyfold(['decrypt', ...key], { cwd, stdin: old.stdout })).stdout.toString()).toBe('x')
    const next = await keyfold(['encrypt', ...key], { cwd, stdin: 'x' })
    expect((await keyfold(['inspect'], { stdin: next.stdout })).stdout.toString()).toContain('default/2')
  })

  test('list shows names and versions, for people and as JSON, and no key', async () => {
    const { folder: cwd, at } = await folderWithKey()
    await keyfold(['keys', 'create', 'local://keys.json?name=orders'], { cwd })
    await keyfold(['keys', 'rotate', 'local://keys.json?name=orders'], { cwd })
    const text = (await keyfold(['keys', 'list', 'local://keys.json'], { cwd })).stdout.toString()
    expect(text).toMatch(/default +1 .* seals and opens\n +orders +1 .* opens\n +orders +2 .* seals and opens\n$/)
    const json = (await keyfold(['keys', 'list', 'local://keys.json', '--json'], { cwd })).stdout.toString()
    expect(JSON.parse(json)).toMatchObject({
      sealed: false,
      keys: [
        { name: 'default', versions: [{ version: 1 }] },
        { name: 'orders', versions: [{ version: 1 }, { version: 2 }] },
      ],
    })
    for (const [, secret = 'none'] of readFileSync(at('keys.json'), 'utf8').matchAll(/"key": "([^"]+)"/g)) {
      expect(text + json).not.toContain(secret)
    }
    const one = await keyfold(['keys', 'list', 'local://keys.json?name=orders', '--json'], { cwd })
    expect(JSON.parse(one.stdout.toString()).keys).toHaveLength(1)
    expect(await keyfold(['keys', 'list', 'local://keys.json?name=x'], { cwd })).toMatchObject({
      exitCode: exitCodeOf('KEY_NOT_FOUND'),
    })
  })

  test('take a passphrase from a file or the environment, and refuse a wrong or missing one', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('passphrase'), 'tr0ub4dor\n')
    const created = await keyfold(['keys', 'create', 'local://sealed.json', '--passphrase-file', 'passphrase'], { cwd })
    expect(created.exitCode).toBe(0)
    const key = ['--key', 'local://sealed.json']
    const env = { KEYFOLD_PASSPHRASE: 'tr0ub4dor' }
    const sealed = await keyfold(['encrypt', ...key], { cwd, env, stdin: 'x' })
    const opened = await keyfold(['decrypt', ...key, '--passphrase-file', 'passphrase'], { cwd, stdin: sealed.stdout })
    expect(opened.stdout.toString()).toBe('x')
    const wrong = await keyfold(['decrypt', ...key], {
      cwd,
      env: { KEYFOLD_PASSPHRASE: 'wrong' },
      stdin: sealed.stdout,
    })
    expect(wrong.exitCode).toBe(exitCodeOf('AUTHENTICATION_FAILED'))
    const missing = await keyfold(['decrypt', ...key], { cwd, stdin: sealed.stdout })
    expect(missing).toMatchObject({
      exitCode: exitCodeOf('INVALID_ARGUMENT'),
      stderr: expect.stringContaining('passphrase'),
    })
  })

  test('of sealed and unsealed files mix: the passphrase goes to those that call for one', async () => {
    const { at, key } = await folderWithKey()
    const env = { KEYFOLD_PASSPHRASE: 'tr0ub4dor' }
    const sealedKey = ['--key', `local://${at('sealed.json')}`]
    await runHere(['keys', 'create', sealedKey[1] ?? ''], { env })
    const { stdout } = await runHere(['encrypt', ...key, ...sealedKey], { env, stdin: 'x' })
    for (const [one, options] of [
      [key, {}],
      [sealedKey, { env }],
      [[...key, ...sealedKey], { env }],
    ] as const) {
      expect((await runHere(['decrypt', ...one], { ...options, stdin: stdout })).stdout.toString()).toBe('x')
    }
    expect(await runHere(['decrypt', ...key], { env, stdin: stdout })).toMatchObject({
      exitCode: exitCodeOf('INVALID_ARGUMENT'),
    })
  })

  test.runIf(posix)('refuse a key file that others can read', async () => {
    const { folder: cwd, at } = await folderWithKey()
    chmodSync(at('keys.json'), 0o644)
    const refused = await keyfold(['encrypt', '--key', 'local://keys.json'], { cwd, stdin: 'x' })
    expect(refused).toMatchObject({
      exitCode: exitCodeOf('POLICY_VIOLATION'),
      stderr: expect.stringContaining('chmod 600'),
    })
  })
})

describe('a reference', () => {
  test.each([
    ['nokms:///alias/a?region=hunter2', 'UNSUPPORTED', 'nokms'],
    ['local://keys.json?nmae=hunter2', 'INVALID_ARGUMENT', 'name'],
    ['local://keys.json#hunter2', 'INVALID_ARGUMENT', 'fragment'],
    ['hunter2', 'INVALID_ARGUMENT', 'SCHEME'],
  ] as const)('%s is %s, and not shown', async (uri, code, mention) => {
    for (const command of [
      ['encrypt', '--key'],
      ['decrypt', '--json', '--key'],
      ['keys', 'list'],
      ['keys', 'create'],
    ]) {
      const refused = await runHere([...command, uri])
      expect(refused).toMatchObject({ exitCode: exitCodeOf(code), stderr: expect.stringContaining(mention) })
      expect(refused.stderr).not.toContain('hunter2')
    }
  })

  test('in the place of a command is not shown either', async () => {
    for (const args of [['vault://hunter2'], ['encrypt', '--kye=vault://hunter2'], ['keys', 'vault://hunter2']]) {
      const refused = await runHere(args)
      expect(refused.exitCode).toBe(2)
      expect(refused.stderr).not.toContain('hunter2')
    }
  })
})
