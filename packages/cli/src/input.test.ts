import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { folderWithKey, runHere } from './cli.test-support.ts'
import { openInput, readInput } from './input.ts'
import { readHeader } from './inspect.ts'

const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
const surroundings = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal }

test('a file that grows while it is read ends where it ended when it was opened', async () => {
  const { at } = await folderWithKey()
  writeFileSync(at('log'), 'before')
  const { size, stream } = await openInput(at('log'), surroundings)
  appendFileSync(at('log'), ' and after')
  expect(size).toBe(6)
  expect((await buffer(stream)).toString()).toBe('before')
})

test('a passphrase file is read up to its limit and not beyond', async () => {
  const { at } = await folderWithKey()
  writeFileSync(at('a'), '')
  truncateSync(at('a'), 10)
  expect(await readInput(at('a'), 10, surroundings)).toHaveLength(10)
  await expect(readInput(at('a'), 9, surroundings)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('a header is read to its last byte and not beyond, however it comes', async () => {
  const { at } = await folderWithKey()
  const { stdout: message } = await runHere(['encrypt', '--key', `local://${at('keys.json')}`], { stdin: 'x' })
  let taken = 0
  const stdin = new Readable({
    highWaterMark: 1,
    read() {
      this.push(message.subarray(taken, ++taken)) // it would go on
    },
  })
  const { headerLength } = await readHeader('-', { ...surroundings, stdin })
  expect(taken).toBeGreaterThanOrEqual(headerLength)
  expect(taken).toBeLessThan(message.length)
})

test('a folder is no input, as standard input neither, nor is an empty name', async () => {
  const { folder } = await folderWithKey()
  const fd = openSync(folder, 'r')
  onTestFinished(() => closeSync(fd))
  const stdin = Object.assign(new PassThrough(), { fd })
  await expect(openInput('-', { ...surroundings, stdin })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(openInput('', surroundings)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('what cannot be a header is not waited on', async () => {
  const stdin = new PassThrough() // it stays open
  stdin.write('garbage')
  await expect(readHeader('-', { ...surroundings, stdin })).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' })
})
