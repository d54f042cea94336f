import { type ErrorCode, KeyfoldError } from '@keyfold/core'
import { CommanderError } from 'commander'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import { printable } from './printable.ts'

/** How a run ended that did not do what it was to. */
export interface Failure {
  readonly exitCode: number
  /** `USAGE`, `UNEXPECTED`, or an error code. */
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly attempts: readonly {
    readonly provider: string
    readonly providerId: string
    readonly code: ErrorCode
    readonly message: string
  }[]
}

/** Whatever was thrown, as what may be shown of it. */
export function failureOf(error: unknown): Failure {
  if (KeyfoldError.is(error)) {
    const attempts = error.attempts.map(({ provider, providerId, code, message }) => ({
      provider,
      providerId,
      code,
      message,
    }))
    const { code, message, retryable } = error
    return { exitCode: exitCodeOf(code), code, message, retryable, attempts }
  }
  const rest = { retryable: false, attempts: [] }
  if (error instanceof CommanderError) {
    // It quotes the command line, where a reference may hold a secret.
    const message = error.message.replace(/^error: /, '').replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s']+/gi, '$1…')
    return { exitCode: exitCodes.usage, code: 'USAGE', message, ...rest }
  }
  // Its text is unknown, and so is what it may show.
  const kind = error instanceof Error ? error.name : typeof error
  return {
    exitCode: exitCodes.unexpected,
    code: 'UNEXPECTED',
    message: `a ${kind} that Keyfold does not know`,
    ...rest,
  }
}

/** A failure as standard error shows it. */
export function formatFailure(failure: Failure, json: boolean): string {
  if (json) return `${JSON.stringify({ error: failure })}\n`
  const hint =
    failure.code === 'USAGE' ? '\nkeyfold --help lists the commands, keyfold COMMAND --help explains one.' : ''
  return `keyfold: ${failure.code}: ${printable(failure.message, { lines: true })}${hint}\n`
}

/** What the operating system's refusals of a file mean; those that are not here are `UNKNOWN`. */
const systemCodes: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['ENOENT', ['INVALID_ARGUMENT', 'there is no such file or folder']],
  ['ENOTDIR', ['INVALID_ARGUMENT', 'there is no such file or folder']],
  ['EISDIR', ['INVALID_ARGUMENT', 'it is a folder']],
  ['ELOOP', ['INVALID_ARGUMENT', 'its symbolic links lead in a circle']],
  ['ENAMETOOLONG', ['INVALID_ARGUMENT', 'the name is too long']],
  ['EEXIST', ['CONFLICT', 'it exists already; --force overwrites it']],
  ['EACCES', ['ACCESS_DENIED', 'access is denied']],
  ['EPERM', ['ACCESS_DENIED', 'access is denied']],
  ['EROFS', ['ACCESS_DENIED', 'the file system is read-only']],
  ['ENOSPC', ['UNAVAILABLE', 'the disk is full']],
  ['EDQUOT', ['UNAVAILABLE', 'the disk quota is spent']],
  ['EIO', ['UNAVAILABLE', 'the disk failed']],
  ['EMFILE', ['UNAVAILABLE', 'too many files are open']],
  ['EPIPE', ['UNAVAILABLE', 'its reader is gone']],
])

/** What a file operation threw, as a KeyfoldError. @param what names the file */
export function fileFailure(what: string, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  if (error instanceof Error && error.name === 'AbortError') return interrupted()
  const code = systemCode(error) ?? 'an unknown error'
  const [keyfoldCode, reason] = systemCodes.get(code) ?? (['UNKNOWN', `it failed with ${code}`] as const)
  return new KeyfoldError(keyfoldCode, `${what}: ${reason}`, { cause: error })
}

/** Node's or the operating system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** What an interrupted run ends with. */
export function interrupted(): KeyfoldError {
  return new KeyfoldError('ABORTED', 'interrupted')
}

/** @throws KeyfoldError `ABORTED` */
export function demandNotInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted()
}
