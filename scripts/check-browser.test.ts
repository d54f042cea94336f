import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkBrowser } from './check-browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-browser-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  [
    'a static import',
    `import { randomBytes } from 'node:crypto'\nexport const a = randomBytes`,
    'import-statement of node:crypto',
  ],
  ['a dynamic import', `export const a = () => import('node:fs')`, 'dynamic-import of node:fs'],
  ['a module by its bare name', `import { join } from 'path'\nexport const a = join`, 'import-statement of path'],
  ['Buffer', 'export const a = (b) => Buffer.from(b)', 'the global Buffer is used'],
  [
    'process behind typeof',
    `export const a = typeof process === 'object' && process.env`,
    'the global process is used',
  ],
])('finds %s', async (_, code, problem) => {
  expect(await problems(code)).toEqual([expect.stringContaining(problem)])
})

test('lets pass a type import, a property and a local of such a name', async () => {
  const code = `import type { KeyObject } from 'node:crypto'\nexport const a = (process: { Buffer: KeyObject }) => process.Buffer`
  expect(await problems(code)).toEqual([])
})

test('follows the browser condition and not its sibling', async () => {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ imports: { '#engine': { browser: './web.ts', default: './node.ts' } } }),
  )
  writeFileSync(join(folder, 'web.ts'), 'export const engine = 1')
  writeFileSync(join(folder, 'node.ts'), `export { randomBytes as engine } from 'node:crypto'`)
  expect(await problems(`export { engine } from '#engine'`)).toEqual([])
})

async function problems(code: string): Promise<string[]> {
  const path = join(folder, 'entry.ts')
  writeFileSync(path, code)
  return (await checkBrowser(path, ['browser'])).problems
}
