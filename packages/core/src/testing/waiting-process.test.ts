import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** What a process prints that has nothing to do but wait for one call. */
async function printed(prepare: string, options = '{}'): Promise<string> {
  const program = `
    const { createEnvelope } = await import('@keyfold/core')
    const { fakeClock, memoryKeys } = await import('@keyfold/core/testing')
    const keys = memoryKeys(${options})
    ${prepare}
    createEnvelope({ keys, callTimeoutMs: 200 }).encrypt(new Uint8Array(1)).then(() => 'ok', ({ code }) => code).then(console.log)`
  const args = ['--conditions=@keyfold/source', '--input-type=module', '-e', program]
  return (await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })).stdout
}

test('a process does not end while keys on the system clock wait', async () => {
  expect(await printed('keys.delay(50)')).toBe('ok\n')
  expect(await printed('keys.hang()')).toBe('TIMEOUT\n')
})

test('a process ends where nobody is left to move the clock', async () => {
  expect(await printed('keys.hang()', '{ clock: fakeClock() }')).toBe('')
})
