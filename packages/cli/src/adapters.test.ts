import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyOf, createEnvelope, type KeyProvider } from '@keyfold/core'
import { memoryKeys } from '@keyfold/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { adapterPackages, loadAdapter, loadInstalled } from './adapters.ts'
import {
  adapterOf,
  awsWith,
  folderWithKey,
  outcomeOf,
  packagesWith,
  runHere,
  startKeyfoldFrom,
} from './cli.test-support.ts'
import { exitCodeOf } from './exit-codes.ts'

const aws = 'awskms:///main'
const gcp = 'gcpkms://spare'

/** The adapters of this repository. */
const folders = readdirSync(join(import.meta.dirname, '..', '..')).map((folder) => `@keyfold/${folder}`)
const ours = adapterPackages.filter(({ packageName }) => folders.includes(packageName))

function twoClouds() {
  const [main, spare] = [memoryKeys({ name: 'main' }), memoryKeys({ name: 'spare' })]
  const closed: string[] = []
  // A closed memory key answers no more, and here it is asked again.
  const lent = (key: KeyProvider): KeyProvider => ({ ...key, close: async () => void closed.push(key.name) })
  const loadPackage = packagesWith({
    '@keyfold/aws': { aws: () => adapterOf('awskms', { main: lent(main) }) },
    '@keyfold/gcp': { gcp: () => adapterOf('gcpkms', { spare: lent(spare) }) },
  })
  return { main, spare, closed, loadPackage }
}

describe('keys of two clouds', () => {
  test('seal one message, which either opens; the keys are closed afterwards', async () => {
    const { main, spare, closed, loadPackage } = twoClouds()
    const sealed = await runHere(['encrypt', '--key', aws, '--key', gcp], { loadPackage, stdin: 'hello' })
    expect(sealed).toMatchObject({ exitCode: 0, stderr: '' })
    expect(closed).toEqual(['main', 'spare'])
    for (const keys of [main, spare]) {
      const { plaintext } = await createEnvelope({ keys }).decrypt(sealed.stdout)
      expect(Buffer.from(plaintext).toString()).toBe('hello')
    }
  })

  test('are all required, unless --require asks for fewer, and then the missing one is told', async () => {
    const down = () => {
      const clouds = twoClouds()
      clouds.spare.fail('UNAVAILABLE')
      return { loadPackage: clouds.loadPackage, stdin: 'hello' }
    }
    const args = ['encrypt', '--key', aws, '--key', gcp]
    expect(await runHere(args, down())).toMatchObject({ exitCode: exitCodeOf('UNAVAILABLE') })
    expect(await runHere([...args, '--require', 'all'], down())).toMatchObject({ exitCode: exitCodeOf('UNAVAILABLE') })
    expect(await runHere([...args, '--require', '1'], down())).toMatchObject({
      exitCode: 0,
      stderr: 'not sealed for spare: UNAVAILABLE\n',
    })
    const { stderr } = await runHere([...args, '--require', '1', '--json'], down())
    expect(JSON.parse(stderr).missing).toEqual([{ provider: 'spare', code: 'UNAVAILABLE' }])
    expect(await runHere([...args, '--require', '3'], down())).toMatchObject({
      exitCode: exitCodeOf('INVALID_ARGUMENT'),
    })
  })

  test('open in their order, with the next one too when the first takes longer than --hedge-after', async () => {
    const { main, spare, loadPackage } = twoClouds()
    const sealed = await createEnvelope({ keys: anyOf(main, spare) }).encrypt(Buffer.from('hello'))
    const args = ['decrypt', '--key', aws, '--key', gcp, '--json']
    const first = await runHere(args, { loadPackage, stdin: sealed })
    expect(JSON.parse(first.stderr).openedBy.name).toBe('main')
    // Less than the default, by which main would still be first.
    main.delay(200, { operation: 'unwrapDataKey' })
    const second = await runHere([...args, '--hedge-after', '0'], { loadPackage, stdin: sealed })
    expect(second).toMatchObject({ exitCode: 0, stdout: Buffer.from('hello') })
    expect(JSON.parse(second.stderr).openedBy.name).toBe('spare')
    expect(main.calls.at(-1)?.signal.aborted).toBe(true)
  })

  test('open a part of a file likewise, and are closed', async () => {
    const { main, spare, closed, loadPackage } = twoClouds()
    const { at } = await folderWithKey()
    writeFileSync(at('sealed'), await createEnvelope({ keys: anyOf(main, spare) }).encrypt(Buffer.from('hello')))
    main.delay(200, { operation: 'unwrapDataKey' })
    const args = ['decrypt', at('sealed'), '--range', '1-3', '--hedge-after', '0', '--key', aws, '--key', gcp, '--json']
    const part = await runHere(args, { loadPackage })
    expect(part).toMatchObject({ exitCode: 0, stdout: Buffer.from('el') })
    expect(JSON.parse(part.stderr).openedBy.name).toBe('spare')
    expect(closed).toEqual(['main', 'spare'])
  })
})

describe('reencrypt', () => {
  const args = ['reencrypt', '--key', aws, '--key', gcp, '--to-key', gcp, '--to-key', aws]

  test('opens with keys of services and seals for them, and closes those of both sides', async () => {
    const { main, spare, closed, loadPackage } = twoClouds()
    const old = await createEnvelope({ keys: main }).encrypt(Buffer.from('hello'))
    const moved = await runHere(args, { loadPackage, stdin: old })
    expect(moved).toMatchObject({ exitCode: 0, stderr: '' })
    expect(closed.sort()).toEqual(['main', 'main', 'spare', 'spare'])
    const { plaintext } = await createEnvelope({ keys: spare }).decrypt(moved.stdout)
    expect(Buffer.from(plaintext).toString()).toBe('hello')
  })

  test('takes --require for the keys that seal, and tells which is missing, also with --quiet', async () => {
    const { main, spare, loadPackage } = twoClouds()
    const old = await createEnvelope({ keys: main }).encrypt(Buffer.from('hello'))
    spare.fail('UNAVAILABLE', { operation: 'wrapDataKey' })
    spare.fail('UNAVAILABLE', { operation: 'generateDataKey' })
    const moved = await runHere([...args, '--require', '1', '--quiet'], { loadPackage, stdin: old })
    expect(moved).toMatchObject({ exitCode: 0, stderr: 'not sealed for spare: UNAVAILABLE\n' })
    const { stderr } = await runHere([...args, '--require', '1', '--json'], { loadPackage, stdin: old })
    expect(JSON.parse(stderr).missing).toEqual([{ provider: 'spare', code: 'UNAVAILABLE' }])
    expect(await runHere(args, { loadPackage, stdin: old })).toMatchObject({ exitCode: exitCodeOf('UNAVAILABLE') })
  })

  test('takes --hedge-after for the keys that open', async () => {
    const { main, spare, loadPackage } = twoClouds()
    const old = await createEnvelope({ keys: anyOf(main, spare) }).encrypt(Buffer.from('hello'))
    main.delay(200, { operation: 'unwrapDataKey' })
    expect(await runHere([...args, '--hedge-after', '0'], { loadPackage, stdin: old })).toMatchObject({ exitCode: 0 })
    expect(main.calls.find(({ operation }) => operation === 'unwrapDataKey')?.signal.aborted).toBe(true)
  })
})

describe('the package of an adapter', () => {
  test.each(ours)('$packageName gives the keys of its scheme', async ({ scheme }) => {
    const adapter = await loadAdapter(scheme, { passphrase: undefined, loadPackage: loadInstalled })
    expect(adapter.keys.map((each) => each.scheme)).toContain(scheme)
  })

  test('is loaded where its scheme is used, and no other is', async () => {
    const asked: string[] = []
    const packages = awsWith({ main: memoryKeys() })
    const loadPackage = (name: string) => {
      asked.push(name)
      return packages(name)
    }
    await runHere(['encrypt', '--key', aws], { loadPackage })
    expect(asked).toEqual(['@keyfold/aws'])
    await runHere(['encrypt', '--key', 'local://missing.json'], { loadPackage })
    expect(asked).toHaveLength(1)
  })

  test.each(adapterPackages)('$packageName is named where it is not installed', async ({ scheme, packageName }) => {
    const refused = await runHere(['encrypt', '--key', `${scheme}://hunter2`], { loadPackage: packagesWith({}) })
    expect(refused.exitCode).toBe(exitCodeOf('UNSUPPORTED'))
    expect(refused.stderr).toContain(`${packageName} is not installed: npm install ${packageName} `)
    expect(refused.stderr).not.toContain('hunter2')
  })

  test('that is there and fails is told apart, and its text is not shown', async () => {
    const loadPackage = () => Promise.reject(new TypeError('hunter2'))
    const refused = await runHere(['encrypt', '--key', aws], { loadPackage })
    expect(refused.exitCode).toBe(exitCodeOf('UNKNOWN'))
    expect(refused.stderr).toContain('@keyfold/aws: it is installed, but cannot be loaded (TypeError)')
    expect(refused.stderr).not.toContain('hunter2')
  })

  test('that exports no adapter is UNSUPPORTED', async () => {
    const refused = await runHere(['encrypt', '--key', aws], { loadPackage: packagesWith({ '@keyfold/aws': {} }) })
    expect(refused).toMatchObject({ exitCode: exitCodeOf('UNSUPPORTED') })
    expect(refused.stderr).toContain('exports no aws')
  })

  test('of an unknown scheme there is none, and the text names those that there are', async () => {
    const refused = await runHere(['encrypt', '--key', 'vault://hunter2'], { loadPackage: packagesWith({}) })
    expect(refused.exitCode).toBe(exitCodeOf('UNSUPPORTED'))
    expect(refused.stderr).toContain('local, awskms, gcpkms, azurekeyvault, hashivault')
  })
})

describe('the installed command', () => {
  const working = `export const aws = () => ({ keys: [{ scheme: 'awskms', openKey: ({ name }) => ({
    name, providerId: 'fake', bindsContext: true, authenticatesWriter: true, accepts: () => false,
  }) }] })`

  test('finds a package that is installed beside it', async () => {
    // The key is opened before the file is looked for.
    expect(await install(working).encrypt()).toMatchObject({
      exitCode: exitCodeOf('INVALID_ARGUMENT'),
      stderr: expect.stringContaining('there is no such file'),
    })
  })

  test('tells a package that is missing from one that misses a package of its own', async () => {
    const missing = await install(undefined).encrypt()
    expect(missing.exitCode).toBe(exitCodeOf('UNSUPPORTED'))
    const broken = await install("import 'package-that-is-nowhere'").encrypt()
    expect(broken.exitCode).toBe(exitCodeOf('UNKNOWN'))
    expect(broken.stderr).toContain("Cannot find package 'package-that-is-nowhere'")
  })

  test('does not take one from the working directory', async () => {
    const { encrypt } = install(undefined)
    const elsewhere = mkdtempSync(join(tmpdir(), 'keyfold-elsewhere-'))
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }))
    writePackage(elsewhere, working)
    expect((await encrypt(elsewhere)).exitCode).toBe(exitCodeOf('UNSUPPORTED'))
  })
})

/** The command in a folder of its own, with its dependencies and, where its code is given, `@keyfold/aws` in node_modules. */
function install(awsCode: string | undefined) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyfold-installed-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const source = join(import.meta.dirname, '..')
  // Not within node_modules, where Node strips no types.
  cpSync(join(source, 'src'), join(folder, 'keyfold', 'src'), { recursive: true })
  cpSync(join(source, 'package.json'), join(folder, 'keyfold', 'package.json'))
  mkdirSync(join(folder, 'node_modules', '@keyfold'), { recursive: true })
  for (const name of ['cli-progress', 'commander', 'string-width', '@keyfold/core']) {
    const target = realpathSync(join(source, 'node_modules', name))
    symlinkSync(target, join(folder, 'node_modules', name), 'junction')
  }
  if (awsCode !== undefined) writePackage(folder, awsCode)
  const bin = join(folder, 'keyfold', 'src', 'bin.ts')
  const start = (args: readonly string[], cwd = folder) => outcomeOf(startKeyfoldFrom(bin, args, { cwd }))
  return { encrypt: (cwd?: string) => start(['encrypt', 'missing', '--key', aws], cwd) }
}

function writePackage(folder: string, code: string): void {
  const target = join(folder, 'node_modules', '@keyfold', 'aws')
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, 'index.js'), code)
  const exports = { '.': './index.js', './package.json': './package.json' }
  writeFileSync(join(target, 'package.json'), JSON.stringify({ name: '@keyfold/aws', type: 'module', exports }))
}
