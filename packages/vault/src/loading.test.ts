import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = `
import { createRequire, registerHooks } from 'node:module'
const loaded = []
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
const { transit, vault } = await import('@keyfold/vault')
const client = () => loaded.filter((url) => /node_modules.*(node-vault|axios)/.test(url)).length
const key = transit('a', { address: 'http://127.0.0.1:9', clock: { now: Date.now, schedule(ms, go) { if (ms < 4000) setImmediate(go); return () => {} } } })
vault({ address: 'http://127.0.0.1:9' })
const before = client()
process.env.VAULT_TOKEN = 't'
const code = await key.describe({ signal: new AbortController().signal }).catch((error) => error.code)
console.log(JSON.stringify([loaded.some((url) => url.includes('transit')), before, client() > 0, code]))`

test('loads no client before the first request', async () => {
  const args = ['--conditions=@keyfold/source', '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
  expect(JSON.parse(stdout)).toEqual([true, 0, true, 'UNAVAILABLE'])
})
