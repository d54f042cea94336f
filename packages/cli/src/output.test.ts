import { readFileSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
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
