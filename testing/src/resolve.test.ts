import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import type { ResolveOptions } from './resolve.ts'
import { cacheFolder, resolveServer } from './resolve.ts'
import type { ServerRow, Step } from './server-row.ts'

const run = promisify(execFile)

let folder: string
let env: NodeJS.ProcessEnv
const reported: string[] = []
const report = (line: string): void => {
  reported.push(line)
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyfold resolve '))
  env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: join(folder, 'bin') }
  await writeFile(join(folder, 'lock.txt'), 'tool==1\n')
  reported.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('where a server is found', () => {
  it('installs it at first, into a folder named after its lock file, and takes it from there afterwards', async () => {
    const expected = join(await cacheFolder(row(), env), 'tool')
    expect(await resolve()).toEqual({ state: 'located', name: 'tool', executable: expected, from: 'install' })
    expect(await resolve()).toEqual({ state: 'located', name: 'tool', executable: expected, from: 'cache' })
    expect(expected).toMatch(/keyfold\/servers\/tool-[0-9a-f]{16}\/tool$/)
    expect(reported).toHaveLength(1)
    expect(await log()).toEqual(['installed'])
  })

  it('installs anew when the lock file changes', async () => {
    await resolve()
    await writeFile(join(folder, 'lock.txt'), 'tool==2\n')
    expect(await resolve()).toMatchObject({ from: 'install' })
    expect(await entries()).toHaveLength(2)
  })

  it('prefers the environment variable, then PATH', async () => {
    const onPath = await script(join(folder, 'bin', 'tool-command'))
    expect(await resolve({ command: 'tool-command' })).toMatchObject({ executable: onPath, from: 'path' })
    const named = await script(join(folder, 'named'))
    env['KEYFOLD_TOOL'] = named
    expect(await resolve({ command: 'tool-command' })).toMatchObject({ executable: named, from: 'environment' })
  })

  it('refuses an environment variable that names nothing', async () => {
    env['KEYFOLD_TOOL'] = join(folder, 'nothing')
    await expect(resolve()).rejects.toThrow('KEYFOLD_TOOL names')
  })

  it('replaces an installation that broke after it was made', async () => {
    await resolve()
    await rm(join(await cacheFolder(row(), env), 'tool'))
    expect(await resolve()).toMatchObject({ from: 'install' })
    expect(await entries()).toHaveLength(1)
  })

  it('ignores a relative XDG_CACHE_HOME', async () => {
    expect(await cacheFolder(row(), { XDG_CACHE_HOME: 'here' })).toBe(await cacheFolder(row(), {}))
  })
})

describe('an installation that fails', () => {
  it.each([
    [
      'in a step',
      { steps: (to: string) => [...steps(to), { command: 'sh', args: ['-c', 'echo no wheel >&2; exit 3'] }] },
    ],
    ['in its check', { check: ['fail'] }],
    ['for want of a tool', { steps: () => [{ command: 'no-such-tool', args: [] }] }],
  ])('%s leaves nothing behind and names what is missing', async (_, change: Partial<ServerRow>) => {
    const result = await resolve(change)
    expect(result).toMatchObject({ state: 'missing', name: 'tool' })
    expect(result).toHaveProperty('reason', expect.stringMatching(/no wheel|its check fails|no-such-tool is not on/))
    expect(await entries()).toEqual([])
  })
})

describe('two installations at once', () => {
  it('leave one sound folder, and the work is done once', async () => {
    const slow = { steps: (to: string): Step[] => [{ command: 'sh', args: ['-c', 'sleep 0.3'] }, ...steps(to)] }
    const results = await Promise.all([resolve(slow), resolve(slow), resolve(slow)])
    expect(results.map(({ state }) => state)).toEqual(['located', 'located', 'located'])
    expect(await log()).toEqual(['installed'])
    expect(await entries()).toHaveLength(1)
  })

  it('do not wait for a process that is dead', async () => {
    const path = await cacheFolder(row(), env)
    await mkdir(dirname(path), { recursive: true })
    const { stdout } = await run(process.execPath, ['-p', 'process.pid'])
    await writeFile(join(dirname(path), `.tool-${path.slice(-16)}.lock`), stdout.trim())
    expect(await resolve()).toMatchObject({ from: 'install' })
    expect(await entries()).toHaveLength(1)
  })
})

describe('what is not installed by itself', () => {
  it('is whatever takes a minute, unless it is asked for', async () => {
    const slow = { installSeconds: 60 }
    expect(await resolve(slow)).toMatchObject({ state: 'missing', reason: 'takes about 60 s to install' })
    expect(await resolve({ installSeconds: 59 })).toMatchObject({ from: 'install' })
    expect(await resolve(slow)).toMatchObject({ from: 'cache' })
  })

  it('is brought by install: always, and nothing is by install: never', async () => {
    expect(await resolve({}, { install: 'never' })).toMatchObject({ state: 'missing', reason: 'not installed' })
    expect(await resolve({ installSeconds: 60 }, { install: 'always' })).toMatchObject({ from: 'install' })
  })

  it('is skipped with one line that says what is missing and what brings it', async () => {
    expect(await availableServer(row({ installSeconds: 74 }), { env, report })).toEqual({
      state: 'skipped',
      line: 'tool is missing (takes about 74 s to install): "npm run servers" brings it',
    })
  })

  it('is a failure where REQUIRE_SERVERS=all', async () => {
    env['REQUIRE_SERVERS'] = 'all'
    const slow = row({ installSeconds: 74 })
    await expect(availableServer(slow, { env, report })).rejects.toThrow('tool is missing (takes about 74 s')
    expect(await availableServer(row(), { env, report })).toMatchObject({ state: 'located' })
  })
})

function resolve(change: Partial<ServerRow> = {}, options: ResolveOptions = {}): ReturnType<typeof resolveServer> {
  return resolveServer(row(change), { env, report, ...options })
}

function row(change: Partial<ServerRow> = {}): ServerRow {
  return {
    name: 'tool',
    variable: 'KEYFOLD_TOOL',
    lockFile: pathToFileURL(join(folder, 'lock.txt')),
    executable: 'tool',
    installSeconds: 1,
    steps,
    check: ['ok'],
    ...change,
  }
}

/** Makes a program that ends with 0 when its argument is "ok", and leaves a line in the log. */
function steps(to: string): Step[] {
  const make =
    'mkdir "$1" && printf \'#!/bin/sh\\n[ "$1" = ok ]\\n\' > "$1/tool" && chmod +x "$1/tool" && echo installed >> "$2"'
  return [{ command: 'sh', args: ['-c', make, 'sh', to, join(folder, 'log')] }]
}

async function script(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, '#!/bin/sh\n')
  await chmod(path, 0o755)
  return path
}

async function log(): Promise<string[]> {
  return (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n')
}

async function entries(): Promise<string[]> {
  return readdir(join(folder, 'cache', 'keyfold', 'servers'))
}

it('the command of "npm run servers" ends with a code other than 0 when something is missing', async () => {
  const cli = fileURLToPath(new URL('servers-cli.ts', import.meta.url))
  // An empty PATH has no python3, and an empty cache no environment.
  const failed = await run(process.execPath, [cli], { env }).catch((error: { code: number; stderr: string }) => error)
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('python3 is not on this machine') })
})
