import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { folderWithKey } from './cli.test-support.ts'
import { chooseTarget, withOutput } from './output.ts'

const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
const surroundings = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal }

test.each([
  [false, 'theirs'],
  [true, 'ours'],
])('a file that another process has made meanwhile is overwritten with force alone: %j', async (force, left) => {
  const { at, names } = await folderWithKey()
  const target = await chooseTarget({ output: at('out'), force, mode: 0o600 })
  const ended = withOutput(target, surroundings, async (write) => {
    await write(Buffer.from('ours'))
    writeFileSync(at('out'), 'theirs')
  })
  await (force ? ended : expect(ended).rejects.toMatchObject({ code: 'CONFLICT' }))
  expect(readFileSync(at('out'), 'utf8')).toBe(left)
  expect(names()).toEqual(['keys.json', 'out'])
})

test('a name may be as long as the file system has it, in any script', async () => {
  const { at } = await folderWithKey()
  const target = await chooseTarget({ output: at('鍵'.repeat(80)), force: false, mode: 0o600 })
  await withOutput(target, surroundings, (write) => write(Buffer.from('ours')))
  expect(readFileSync(at('鍵'.repeat(80)), 'utf8')).toBe('ours')
})

test.runIf(process.platform === 'linux')('the file behind a descriptor is left to whoever opened it', async () => {
  const { at } = await folderWithKey()
  const fd = openSync(at('log'), 'w')
  onTestFinished(() => closeSync(fd))
  for (const output of [`/dev/fd/${fd}`, `/proc/self/fd/${fd}`]) {
    const chosen = chooseTarget({ output, force: true, mode: 0o600 })
    await expect(chosen).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})
