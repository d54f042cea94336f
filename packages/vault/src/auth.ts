import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { abortedBy, type CallOptions, KeyfoldError } from '@keyfold/core'

/** How a caller shows who it is. Asked before every request: what is worth remembering, it remembers itself. */
export interface VaultAuth {
  /** For errors; never secret. */
  readonly method: string
  /** @throws KeyfoldError `UNAUTHENTICATED` where there is no token to be had */
  token(options: CallOptions): Promise<string>
}

/**
 * A token that does not change.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for text that no header can carry
 */
export function token(value: string): VaultAuth {
  if (typeof value !== 'string' || !sendable.test(value)) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'token: expected printable ASCII without spaces')
  }
  return { method: 'token', token: async () => value }
}

/**
 * A token in a file, such as the sink of Vault Agent, in clear. Read for every request, so that a token that the agent
 * renews is used as soon as it is there. Where there is none in clear, a call fails as `UNAUTHENTICATED`.
 */
export function tokenFile(path: string): VaultAuth {
  return { method: 'tokenFile', token: ({ signal }) => readToken(path, signal) }
}

/** `VAULT_TOKEN`, else `~/.vault-token`, looked up for every request. */
export function environmentToken(): VaultAuth {
  return {
    method: 'environment',
    async token({ signal }) {
      const value = process.env['VAULT_TOKEN']
      if (value === undefined || value === '') return readToken(join(homedir(), '.vault-token'), signal)
      if (sendable.test(value)) return value
      throw new KeyfoldError('UNAUTHENTICATED', 'VAULT_TOKEN holds no token: expected printable ASCII without spaces')
    },
  }
}

/** Prefixes differ from one server and version to another; what a header cannot carry is no token anywhere. */
const sendable = /^[\x21-\x7e]+$/

async function readToken(path: string, signal: AbortSignal): Promise<string> {
  const text = await readFile(path, { encoding: 'utf8', signal }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (signal.aborted) throw abortedBy(signal)
    throw new KeyfoldError('UNAUTHENTICATED', `no token: ${path} cannot be read (${code})`)
  })
  const value = text.trim()
  // What an agent wraps or encrypts is JSON.
  if (sendable.test(value) && !value.startsWith('{')) return value
  throw new KeyfoldError('UNAUTHENTICATED', `no token: ${path} holds none in clear`)
}
