import { chmodSync, writeFileSync } from 'node:fs'
import type { KeyfoldError, KeyHealth, KeyProvider } from '@keyfold/core'
import { memoryKeys } from '@keyfold/core/testing'
import { describe, expect, test } from 'vitest'
import { awsWith, folderWithKey, keyfold, runHere } from './cli.test-support.ts'
import { rules } from './doctor-rules.ts'
import { exitCodeOf } from './exit-codes.ts'

const posix = process.platform !== 'win32'

/** A key that describes itself so, and as enabled where it says nothing of that. */
function keyThat(health: Partial<KeyHealth>, more: Partial<KeyProvider> = {}): KeyProvider {
  return { ...memoryKeys({ name: 'orders' }), describe: async () => ({ state: 'enabled', ...health }), ...more }
}

function failing(code: ConstructorParameters<typeof KeyfoldError>[0]): KeyProvider {
  const key = memoryKeys({ name: 'orders' })
  key.fail(code)
  return key
}

async function doctorOf(keys: Readonly<Record<string, KeyProvider>>, ...options: readonly string[]) {
  const uris = Object.keys(keys).map((name) => `awskms:///${name}`)
  const { exitCode, stdout, stderr } = await runHere(['doctor', ...uris, '--json', ...options], {
    loadPackage: awsWith(keys),
  })
  expect(stderr).toBe('')
  const report = JSON.parse(stdout.toString())
  const given: string[][] = report.keys.map(({ advice }: { advice: { rule: string }[] }) => advice.map((a) => a.rule))
  return { exitCode, report, given }
}

const noDescription = memoryKeys({ name: 'orders' }).only('wrapDataKey', 'unwrapDataKey')
const openToWriters = { authenticatesWriter: false }

/** Each rule once; what else the key is given comes behind it. */
const cases: readonly (readonly [rule: string, exitCode: number, keys: Readonly<Record<string, KeyProvider>>])[] = [
  ['failed', 4, { a: failing('UNAVAILABLE') }],
  ['destroyed', 4, { a: keyThat({ state: 'destroyed' }) }],
  ['pending-deletion', 4, { a: keyThat({ state: 'pending-deletion' }) }],
  ['disabled', 4, { a: keyThat({ state: 'disabled' }) }],
  ['describe-denied', 3, { a: failing('ACCESS_DENIED') }],
  ['plain-http', 3, { a: keyThat({ concerns: ['plain-http'] }) }],
  ['root-token', 3, { a: keyThat({ concerns: ['root-token'] }) }],
  ['alias-moved', 3, { a: keyThat({ concerns: ['alias-moved'] }) }],
  ['weakest-member', 3, { a: keyThat({}, openToWriters), b: keyThat({}) }],
  ['open-to-writers', 3, { a: keyThat({}, openToWriters), b: keyThat({}, openToWriters) }],
  ['rotation-off', 3, { a: keyThat({ rotation: 'off' }) }],
  ['binds-no-context', 0, { a: keyThat({}, { bindsContext: false }) }],
  ['exposed-file', 0, { a: keyThat({ concerns: ['exposed-file'] }) }],
  ['other-concern', 0, { a: keyThat({ concerns: ['too-old' as never] }) }], // what a later adapter may say
  ['not-described', 0, { a: noDescription }],
]

describe('doctor', () => {
  test.each(cases)('advises %s, ends with %i, and no other rule holds', async (rule, exitCode, keys) => {
    const { given, ...run } = await doctorOf(keys)
    expect(given[0]).toEqual([rule])
    expect(run.exitCode).toBe(exitCode)
  })

  test('has a case above for each rule', () => {
    expect(cases.map(([rule]) => rule)).toEqual(rules.map(({ rule }) => rule))
  })

  test('has nothing to say of a key that is well', async () => {
    const { exitCode, report } = await doctorOf({ a: keyThat({ version: '3', rotation: 'on', concerns: [] }) })
    expect(exitCode).toBe(0)
    expect(report).toEqual({
      severity: 'ok',
      keys: [
        {
          key: 'orders',
          providerId: 'memory',
          bindsContext: true,
          authenticatesWriter: true,
          health: { state: 'enabled', version: '3', rotation: 'on', concerns: [] },
          advice: [],
        },
      ],
    })
  })

  test('ends as the gravest advice says, and blames no key for another', async () => {
    const { exitCode, report, given } = await doctorOf({
      a: keyThat({ rotation: 'off' }),
      b: keyThat({ state: 'disabled', concerns: ['root-token'] }),
      c: keyThat({}),
    })
    expect({ exitCode, severity: report.severity }).toEqual({ exitCode: 4, severity: 'error' })
    expect(given).toEqual([['rotation-off'], ['disabled', 'root-token'], []])
  })

  test('tells code, text and remedy of a key that is out of reach, and looks at the others all the same', async () => {
    const { report, given } = await doctorOf({ a: failing('THROTTLED'), b: keyThat({}) })
    expect(report.keys[0]).toMatchObject({
      failure: { code: 'THROTTLED', message: expect.stringContaining('orders'), retryable: true },
      advice: [
        { severity: 'error', says: expect.stringMatching(/^THROTTLED: /), remedy: expect.stringMatching(/wait/) },
      ],
    })
    expect(given[1]).toEqual([])
  })

  test('waits for a key until --timeout, and not longer for one that heeds no signal', async () => {
    const deaf = keyThat({}, { describe: () => new Promise(() => undefined) })
    const { report } = await doctorOf({ a: deaf }, '--timeout', '1')
    expect(report.keys[0].failure).toMatchObject({
      code: 'TIMEOUT',
      message: 'orders: no answer within 1 ms (--timeout)',
    })
    expect(report.keys[0].advice[0].remedy).toMatch(/--timeout/)
  })

  test('closes every key, and shows no text of an error that Keyfold does not know', async () => {
    const key = memoryKeys({ name: 'orders' })
    const { report } = await doctorOf({
      a: key,
      b: keyThat({}, { describe: () => Promise.reject(new TypeError('hunter2')) }),
    })
    expect(key.closed).toBe(true)
    expect(report.keys[1].failure).toMatchObject({ code: 'UNKNOWN' })
    expect(JSON.stringify(report)).not.toContain('hunter2')
  })

  test('is ABORTED by an interrupt, and reports nothing', async () => {
    const controller = new AbortController()
    const key = keyThat(
      {},
      {
        describe: () => {
          controller.abort()
          return new Promise(() => undefined)
        },
      },
    )
    const ended = await runHere(['doctor', 'awskms:///a'], {
      loadPackage: awsWith({ a: key }),
      signal: controller.signal,
    })
    expect(ended).toMatchObject({ exitCode: exitCodeOf('ABORTED'), stdout: Buffer.alloc(0) })
  })

  test('calls references that open no key by their place, and never shows them', async () => {
    const { exitCode, stdout } = await runHere(['doctor', 'awskms:///hunter2', 'hunter2', 'local://x?hunter2=1'], {
      loadPackage: async () => undefined,
    })
    expect(exitCode).toBe(4)
    expect(stdout.toString()).toMatch(
      /key 1 \(awskms\).*UNSUPPORTED[\s\S]*key 2 .*INVALID_ARGUMENT[\s\S]*key 3 \(local\)/,
    )
    expect(stdout.toString()).not.toContain('hunter2')
  })
})

describe('the report for people', () => {
  test('is a row a key, and the advice, gravest first, with control characters shown by number', async () => {
    const odd = keyThat({ rotation: 'off' }, { name: 'a\u001b[2J', bindsContext: false })
    const gone = keyThat({ state: 'destroyed', version: '7' })
    const { stdout } = await runHere(['doctor', 'awskms:///odd', 'awskms:///gone'], {
      loadPackage: awsWith({ odd, gone }),
    })
    expect(stdout.toString()).toMatchInlineSnapshot(`
      "  key         provider  state      version  rotation  binds context  authenticates writer
        a\\u{1b}[2J  memory    enabled    -        off       no             yes
        orders      memory    destroyed  7        -         yes            yes

      error  orders: the key is destroyed: it neither seals nor opens, and never will again [destroyed]
             seal under another key; what was sealed under this one alone is lost
      warning  a\\u{1b}[2J: the service does not rotate the key by itself [rotation-off]
               turn rotation on; what is sealed already still opens
      notice  a\\u{1b}[2J: the service neither checks nor logs the context; the message alone protects it [binds-no-context]
              use a key that binds the context where its rights or its audit log depend on it
      "
    `)
  })

  test('says so where there is nothing to advise', async () => {
    const { stdout } = await runHere(['doctor', 'awskms:///a'], { loadPackage: awsWith({ a: keyThat({}) }) })
    expect(stdout.toString()).toMatch(/\n\nnothing to advise\n$/)
  })
})

describe('a key file', () => {
  test('is described with its versions, and a missing or wrong one fails', async () => {
    const { folder: cwd } = await folderWithKey()
    const well = await keyfold(['doctor', 'local://keys.json', '--json'], { cwd })
    expect(JSON.parse(well.stdout.toString()).keys[0]).toMatchObject({
      key: 'keyfold-local/default',
      health: { state: 'enabled', version: '1', versions: 1, sealed: false },
    })
    expect(well.exitCode).toBe(0)
    expect((await keyfold(['doctor', 'local://missing.json'], { cwd })).exitCode).toBe(4)
  })

  test('gets the passphrase where one seals it, and another beside it does not', async () => {
    const { at, key } = await folderWithKey()
    const env = { KEYFOLD_PASSPHRASE: 'tr0ub4dor' }
    const sealed = `local://${at('sealed.json')}`
    await runHere(['keys', 'create', sealed], { env })
    expect(await runHere(['doctor', key[1], sealed], { env })).toMatchObject({ exitCode: 0 })
    const { exitCode, stdout } = await runHere(['doctor', key[1], `local://${at('missing.json')}`, '--json'], { env })
    expect(exitCode).toBe(4)
    expect(JSON.parse(stdout.toString()).keys[0]).toMatchObject({ health: { state: 'enabled' }, advice: [] })
  })

  test.runIf(posix)('that others have rights to is noticed where a passphrase seals it, which is tried', async () => {
    const { folder: cwd, at } = await folderWithKey()
    writeFileSync(at('passphrase'), 'tr0ub4dor')
    const uri = 'local://sealed.json'
    await keyfold(['keys', 'create', uri, '--passphrase-file', 'passphrase'], { cwd })
    chmodSync(at('sealed.json'), 0o644)
    const noticed = await keyfold(['doctor', uri, '--passphrase-file', 'passphrase'], { cwd })
    expect(noticed).toMatchObject({ exitCode: 0, stdout: expect.any(Buffer) })
    expect(noticed.stdout.toString()).toContain('[exposed-file]')
    const wrong = await keyfold(['doctor', uri], { cwd, env: { KEYFOLD_PASSPHRASE: 'wrong' } })
    expect(wrong.exitCode).toBe(4)
    expect(wrong.stdout.toString()).toContain('AUTHENTICATION_FAILED')
  })
})
