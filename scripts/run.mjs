// `npm start`, `npm test` and `npm run servers` enter here. It brings pnpm, Node 24 and the dependencies, then runs the task on that
// Node. Plain JavaScript without a dependency: it runs on Node 20, before anything is installed.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const pnpmVersion = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.split('@')[1]
const toolchain = join(root, '.toolchain', `pnpm-${pnpmVersion}`)
const pnpm = join(toolchain, 'node_modules', 'pnpm', 'bin', 'pnpm.mjs')
const windows = process.platform === 'win32'
// The npm package `node`; its own path, because a `.bin/node` on Windows is a script that needs a shell.
const node = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')
const source = '--conditions=@keyfold/source'

// Each task is a list of commands for Node 24, run one after the other; the caller's arguments go to the last one.
const tasks = {
  start: [[source, join(root, 'scripts', 'start.ts')]],
  servers: [[source, join(root, 'testing', 'src', 'servers-cli.ts')]],
  // Any script of the repository on Node 24: `npm run node -- scripts/spec-coverage.ts --write`.
  node: [[source]],
  check: [
    [
      join(root, 'node_modules', 'turbo', 'bin', 'turbo'),
      'run',
      'build',
      'lint',
      '--output-logs=errors-only',
      '--continue',
    ],
    [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run'],
  ],
}

const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), join(toolchain, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  // Most of a short run of Node is compiling and stripping types, and the tests make hundreds: what one has compiled, all read.
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'),
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
}
// turbo colours what it passes on, terminal or not.
if (!process.stdout.isTTY && env.FORCE_COLOR === undefined) env.NO_COLOR = '1'
// `production` would leave out what the tests need, and make them run as something that they are not.
delete env.NODE_ENV

const [task, ...args] = process.argv.slice(2)
if (!Object.hasOwn(tasks, task)) fail(`run.mjs: no task "${task}": expected ${Object.keys(tasks).join(', ')}`)
await setUp()
for (const [index, command] of tasks[task].entries()) {
  const last = index === tasks[task].length - 1
  // A file named on the command line is relative to where the caller stands; npm itself moves to the root.
  const cwd = task === 'check' ? root : (process.env.INIT_CWD ?? process.cwd())
  const { code } = await run(node, last ? [...command, ...args] : command, { cwd, stdio: 'inherit' })
  if (code !== 0) process.exit(code)
}

async function setUp() {
  const settings = { ...env, ...temporaryHome(), npm_config_ignore_scripts: 'false' }
  if (!existsSync(pnpm)) {
    mkdirSync(toolchain, { recursive: true })
    const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts=false']
    const [npm, npmArgs] = npmCommand(['install', '--prefix', toolchain, ...flags, `pnpm@${pnpmVersion}`])
    await step(`fetching pnpm ${pnpmVersion}`, 0, npm, npmArgs, settings)
  }
  const install = () =>
    step(
      'installing dependencies and Node 24',
      existsSync(node) ? 700 : 0,
      process.execPath,
      [pnpm, 'install'],
      settings,
    )
  await install()
  // pnpm calls a damaged node_modules up to date; the one file that all else needs tells.
  if (!existsSync(node)) {
    rmSync(join(root, 'node_modules'), { recursive: true, force: true })
    await install()
  }
}

// The npm that started this, found without a shell; the one on PATH when something else did.
function npmCommand(args) {
  const cli = process.env.npm_execpath
  if (cli && basename(cli) === 'npm-cli.js') return [process.execPath, [cli, ...args]]
  return [windows ? 'npm.cmd' : 'npm', args]
}

// npm and pnpm keep caches under the home folder; where that cannot be written, a folder of the checkout stands in.
function temporaryHome() {
  try {
    accessSync(homedir(), constants.W_OK)
    return {}
  } catch {
    const home = join(root, '.toolchain', 'home')
    mkdirSync(home, { recursive: true })
    return {
      HOME: home,
      npm_config_cache: join(home, '.npm'),
      XDG_DATA_HOME: '',
      XDG_CACHE_HOME: '',
      XDG_STATE_HOME: '',
    }
  }
}

// One line when the step takes longer than `afterMs`; the tool's own output only when it fails.
async function step(title, afterMs, file, args, environment) {
  const announce = () => console.log(`keyfold: ${title}…`)
  const timer = afterMs === 0 ? announce() : setTimeout(announce, afterMs)
  const { code, output } = await run(file, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  clearTimeout(timer)
  if (code !== 0) fail(`${output}\nkeyfold: ${title} failed (exit code ${code})`)
}

function run(file, args, options) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(file, args, { env, shell: windows && file.endsWith('.cmd'), ...options })
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    // The terminal sends Ctrl-C to the child as well: let it end in its own way and report its code.
    process.once('SIGINT', () => undefined)
    process.once('SIGTERM', () => child.kill('SIGTERM'))
    child.on('error', (error) => fail(`keyfold: cannot run ${basename(file)}: ${error.message}`))
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 1), output }))
  })
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
