import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { KeyfoldError } from '@keyfold/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { environmentToken, token, tokenFile } from './auth.ts'
import { call, codeOf } from './openbao.test-support.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'keyfold-vault-'))
  vi.stubEnv('HOME', home)
  vi.stubEnv('VAULT_TOKEN', undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true, force: true })
})

test('a token is what was given, and does not show', async () => {
  const auth = token('s.canary')
  expect(await auth.token(call)).toBe('s.canary')
  expect(inspect(auth, { depth: null, showHidden: true }) + JSON.stringify(auth)).not.toContain('canary')
})

test.each(['', 'two words', 'line\nbreak', 'hvs.é'])('a token %j is refused', (value) => {
  expect(() => token(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('a file is read for every request, as an agent writes it anew', async () => {
  const path = join(home, 'sink')
  const auth = tokenFile(path)
  expect(await codeOf(auth.token(call))).toBe('UNAUTHENTICATED')
  await writeFile(path, 'hvs.first')
  expect(await auth.token(call)).toBe('hvs.first')
  await writeFile(path, 'hvs.second\n')
  expect(await auth.token(call)).toBe('hvs.second')
})

test.each(['', ' \n', '{"wrap_info":{"token":"canary"}}', 'two canary'])(
  'a file of %j holds no token, and does not show',
  async (text) => {
    const path = join(home, 'sink')
    await writeFile(path, text)
    const failure = tokenFile(path).token(call)
    await expect(failure).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(failure).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining('canary') }))
  },
)

test('the environment has VAULT_TOKEN, else ~/.vault-token, else none', async () => {
  const auth = environmentToken()
  expect(await codeOf(auth.token(call))).toBe('UNAUTHENTICATED')
  await writeFile(join(home, '.vault-token'), 'of-the-file')
  expect(await auth.token(call)).toBe('of-the-file')
  vi.stubEnv('VAULT_TOKEN', 'of-the-variable')
  expect(await auth.token(call)).toBe('of-the-variable')
  vi.stubEnv('VAULT_TOKEN', 'no token')
  expect(await codeOf(auth.token(call))).toBe('UNAUTHENTICATED')
})

test('an aborted read is ABORTED, or what it was aborted with', async () => {
  const read = (reason?: unknown) => codeOf(tokenFile(join(home, 'sink')).token({ signal: AbortSignal.abort(reason) }))
  expect(await read()).toBe('ABORTED')
  expect(await read(new KeyfoldError('TIMEOUT', 'no answer in time'))).toBe('TIMEOUT')
})
