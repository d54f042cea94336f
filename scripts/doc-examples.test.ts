// Every example that a reader may copy is compiled as strictly as the rest and run, and prints what it says.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Example,
  examplesOfComments,
  examplesOfMarkdown,
  expectationsOf,
  findExamples,
  meets,
  runExample,
  type Workshop,
  writeExamples,
} from './doc-examples.ts'

const root = join(import.meta.dirname, '..')
const examples = findExamples(root)
let workshop: Workshop

beforeAll(() => {
  workshop = writeExamples(root, examples)
})
afterAll(() => workshop[Symbol.dispose]())

test('the examples type-check', () => {
  expect(compile(workshop, examples)).toBe('')
}, 60_000)

describe.concurrent('an example runs, and prints what it says', () => {
  test.each(examples.map((example, index) => [example.place, example, index] as const))(
    '%s',
    async (_, example, index) => {
      expect(await differences(workshop, example, index)).toEqual([])
    },
    60_000,
  )
})

test('each entry point of a package has an example', () => {
  for (const entry of [
    'core/src/message/envelope',
    'core/src/keys/any-of',
    'core/src/raw/raw-aes',
    'core/src/local/',
  ]) {
    expect(examples.filter(({ place }) => place.startsWith(`packages/${entry}`)).length, entry).toBeGreaterThan(0)
  }
  expect(examples.filter(({ place }) => place.startsWith('README.md')).length).toBeGreaterThan(0)
})

describe('what this file checks', () => {
  const wrong: readonly Example[] = [
    { place: 'scripts/a.ts:1', code: 'console.log(1) // 2' },
    { place: 'scripts/b.ts:1', code: 'console.log(1) // 1\nthrow new Error("late")' },
    { place: 'scripts/c.ts:1', code: 'for (const n of [1, 2]) console.log(n) // 1' },
    { place: 'scripts/d.ts:1', code: "const n: number = 'one'\nconsole.log(n) // one" },
  ]

  test('catches another value, a failure, another number of values and a wrong type', async () => {
    using broken = writeExamples(root, wrong)
    const found = await Promise.all(wrong.map((example, index) => differences(broken, example, index)))
    expect(found).toEqual([
      ['line 1: printed 1, not 2'],
      [expect.stringContaining('Error: late')],
      ['it printed 2 times, and has 1 console.log'],
      [],
    ])
    expect(compile(broken, wrong)).toContain('scripts/d.ts:1 003.ts(1,7): error TS2322')
  }, 60_000)

  test('takes ts blocks from doc comments, and marked ones from pages, with their lines', () => {
    const source = '/**\n * A\n * ```ts\n * let a\n *\n * a\n * ```\n */\nconst text = `\n```ts\nlet b\n```\n`\n'
    expect(examplesOfComments('a.ts', source)).toEqual([{ place: 'a.ts:4', code: 'let a\n\na' }])
    const page = '```ts\nlet a\n```\n```ts run\nlet b\n```\n```sh\n```\n'
    expect(examplesOfMarkdown('a.md', page)).toEqual([{ place: 'a.md:5', code: 'let b' }])
  })

  test('reads a value behind a log or below it, takes … for anything, and leaves prose', () => {
    const code = 'console.log(1) // 1\nconsole.log(2)\n// → 2\nconsole.log(3) // …a number\nconsole.log(4)\n// no value'
    const values = expectationsOf({ place: '', code }).map(({ text }) => text)
    expect(values).toEqual(['1', '2', undefined, undefined])
    expect([meets('a.b', 'a.b'), meets('axb', 'a.b'), meets('a long b', 'a…b'), meets('a', 'a…b')]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })
})

async function differences(files: Workshop, example: Example, index: number): Promise<readonly string[]> {
  const { code, stderr, printed } = await runExample(files, files.files[index] ?? '')
  if (code !== 0) return [stderr]
  const expected = expectationsOf(example)
  if (printed.length !== expected.length) {
    return [`it printed ${printed.length} times, and has ${expected.length} console.log`]
  }
  return expected.flatMap(({ line, text }, at) => {
    const value = printed[at] ?? ''
    return text === undefined || meets(value, text) ? [] : [`line ${line}: printed ${value}, not ${text}`]
  })
}

/** What the compiler says, with each example by its place. */
function compile({ folder }: Workshop, list: readonly Example[]): string {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = { cwd: folder, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], options)
  if (status !== 0 && stdout === '') return stderr
  return stdout.trim().replace(/^(\d{3})\.ts/gm, (name, index: string) => `${list[Number(index)]?.place ?? ''} ${name}`)
}
