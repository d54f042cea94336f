import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Recorded traffic of the real services. Its folder is not in this repository: KEYFOLD_RECORDINGS names it. */
export interface Scenario {
  readonly name: string
  readonly service: 'vault' | 'managed-hsm'
  readonly apiVersion: string | null
  readonly exchanges: readonly Exchange[]
}

export interface Exchange {
  /** Absent where only the answer is documented. */
  readonly request?: {
    readonly method: string
    readonly path: string
    readonly body?: unknown
    readonly authorized: boolean
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

/** The line with which replays are skipped where there is nothing to replay. */
export const noRecordings = 'KEYFOLD_RECORDINGS names no folder: recorded traffic is not replayed'

/** @returns undefined where KEYFOLD_RECORDINGS is not set */
export function readAzureRecordings(file: 'keys.json' | 'documented-examples.json'): readonly Scenario[] | undefined {
  const folder = process.env['KEYFOLD_RECORDINGS']
  if (folder === undefined || folder === '') return undefined
  return JSON.parse(readFileSync(join(folder, 'azure', file), 'utf8'))
}

/** The codes of an error, from its body. */
export function errorCodes(body: unknown): { readonly code?: string; readonly inner?: string } {
  const error = field(body, 'error')
  const [code, inner] = [field(error, 'code'), field(field(error, 'innererror'), 'code')]
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof inner === 'string' ? { inner } : {}),
  }
}

export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
