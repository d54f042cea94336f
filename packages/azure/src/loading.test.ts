import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** What a program on its own has loaded of Azure's after it ran, by the paths of modules that were opened. */
async function loadedBy(program: string): Promise<readonly string[]> {
  const hook = `
    import { registerHooks } from 'node:module'
    const loaded = new Set()
    registerHooks({ load(url, context, next) {
      const found = /node_modules\\/(@azure\\/[^/]+|@typespec\\/[^/]+)\\/(?!.*node_modules)/.exec(url)
      if (found) loaded.add(found[1])
      return next(url, context)
    } })
    ${program}
    console.log(JSON.stringify([...loaded].sort()))`
  const args = ['--conditions=@keyfold/source', '--input-type=module', '--eval', hook]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
  return JSON.parse(stdout)
}

const url = "'https://shop.vault.azure.net/keys/orders'"

test('neither the import nor the making of a key loads a client', async () => {
  expect(await loadedBy(`const { keyVault, azure } = await import('./index.ts'); keyVault(${url}); azure()`)).toEqual(
    [],
  )
})

test('a credential that is given spares the load of @azure/identity, on the first call too', async () => {
  const loaded = await loadedBy(`
    const { keyVault } = await import('./index.ts')
    const credential = { getToken: () => Promise.reject(new Error('none')) }
    const httpClient = { sendRequest: () => Promise.reject(new Error('none')) }
    const key = keyVault(${url}, { credential, clientOptions: { httpClient } })
    await key.describe({ signal: new AbortController().signal }).catch(() => {})`)
  expect(loaded).toContain('@azure/keyvault-keys')
  expect(loaded).not.toContain('@azure/identity')
})

test('without a credential, the first call loads @azure/identity', async () => {
  const loaded = await loadedBy(`
    const { keyVault } = await import('./index.ts')
    const httpClient = { sendRequest: () => Promise.reject(new Error('none')) }
    const key = keyVault(${url}, { clientOptions: { httpClient } })
    await key.describe({ signal: new AbortController().signal }).catch(() => {})`)
  expect(loaded).toContain('@azure/identity')
})
