/*
 * A program that requires an adapter, and calls no service, has not paid for that service's client. Each adapter has a test of
 * its own for one that imports it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** The packages of each adapter's client, by the names of their folders. */
const adapters = [
  ['@keyfold/aws', '@(aws-sdk|smithy)'],
  ['@keyfold/gcp', '(@google-cloud|google-gax|@grpc)'],
  ['@keyfold/azure', '@(azure|typespec)'],
  ['@keyfold/vault', '(node-vault|axios)'],
] as const

/** How many modules of the client a program has loaded: once the adapter is there, and once the client is too. */
async function loaded(adapter: string, client: string): Promise<readonly number[]> {
  const program = `
    import { createRequire, registerHooks } from 'node:module'
    const require = createRequire(import.meta.url)
    const modules = []
    registerHooks({ load(url, context, next) { modules.push(url); return next(url, context) } })
    const clients = () => modules.filter((url) => /node_modules.${client}.(?!.*node_modules)/.test(url)).length
    const namesOf = Object.keys(require('${adapter}')).length
    const before = clients()
    const { dependencies } = require('${adapter}/package.json')
    const name = Object.keys(dependencies).find((each) => new RegExp('^${client}').test(each))
    createRequire(require.resolve('${adapter}'))(name)
    console.log(JSON.stringify([namesOf, before, clients()]))`
  const args = ['--conditions=@keyfold/source', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
  return JSON.parse(stdout)
}

test.each(adapters)("require('%s') loads nothing of its client", async (adapter, client) => {
  const [names, before, after] = await loaded(adapter, client)
  expect(names).toBeGreaterThan(1)
  expect(before).toBe(0)
  expect(after).toBeGreaterThan(0) // what is looked for would be found
})
