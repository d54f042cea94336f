import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServerRow } from './server-row.ts'

const lockFile = new URL('../peers/python/requirements.txt', import.meta.url)
const interpreter = process.platform === 'win32' ? join('Scripts', 'python.exe') : join('bin', 'python')

// Wheels alone: an sdist would run its own build script, and would want a compiler. Two retries: offline, a test run that
// tries to install must come to its skips soon.
const PIP = '--quiet --disable-pip-version-check --no-input --retries=2 --require-hashes --only-binary=:all:'.split(' ')

/** AWS's Python SDK in a virtual environment of its own. Not looked for on PATH: a system Python hardly ever has it. */
export const pythonSdk: ServerRow = {
  name: 'python-aws-encryption-sdk',
  variable: 'KEYFOLD_PYTHON_SDK',
  lockFile,
  executable: interpreter,
  installSeconds: 20,
  steps: (folder) => [
    { command: process.platform === 'win32' ? 'python' : 'python3', args: ['-m', 'venv', folder] },
    {
      command: join(folder, interpreter),
      args: ['-I', '-m', 'pip', 'install', ...PIP, '--requirement', fileURLToPath(lockFile)],
    },
  ],
  // A virtual environment breaks when the Python that it was made from is upgraded or removed.
  check: ['-I', '-c', "from importlib.metadata import version; version('aws-encryption-sdk')"],
}

/** What `npm run servers` brings. */
export const SERVERS: readonly ServerRow[] = [pythonSdk]
