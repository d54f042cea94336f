import { once } from 'node:events'
import { expect, it } from 'vitest'
import type { RunningProcess } from './running-process.ts'
import { startProcess } from './running-process.ts'

const ECHO = 'process.stdin.pipe(process.stdout)'
const DEAF = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdout.write('ready')"

it('ends with its disposal', async () => {
  const child = await start(ECHO)
  child.input.write('hello')
  expect(String((await once(child.output, 'data'))[0])).toBe('hello')
  await child[Symbol.asyncDispose]()
  expect(isAlive(child.pid)).toBe(false)
})

it('is killed when it does not listen', async () => {
  const child = await start(DEAF)
  await once(child.output, 'data')
  await child[Symbol.asyncDispose]()
  expect(isAlive(child.pid)).toBe(false)
})

it('says how it died, and what it said last, when nobody told it to', async () => {
  const child = await start("console.error('out of luck'); process.exitCode = 7")
  await expect(child.failed).rejects.toThrow(/^test process ended by itself \(code 7\)\nout of luck/)
  await expect(child[Symbol.asyncDispose]()).rejects.toThrow('code 7')
})

it('counts an unexpected end with code 0 as a failure too', async () => {
  const child = await start('')
  await expect(child.failed).rejects.toThrow('code 0')
})

it('rejects when there is no such program', async () => {
  await expect(startProcess({ name: 'nothing', command: 'no-such-program', args: [] })).rejects.toThrow(/^nothing: /)
})

function start(code: string): Promise<RunningProcess> {
  return startProcess({ name: 'test process', command: process.execPath, args: ['-e', code], graceMs: 100 })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
