import type { ErrorCode } from './errors.ts'

/** What the operating system's refusals mean to whoever named a file. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOENT', 'INVALID_ARGUMENT'],
  ['ENOTDIR', 'INVALID_ARGUMENT'],
  ['EISDIR', 'INVALID_ARGUMENT'],
  ['ELOOP', 'INVALID_ARGUMENT'],
  ['ENAMETOOLONG', 'INVALID_ARGUMENT'],
  ['ENXIO', 'INVALID_ARGUMENT'], // a socket
  ['EBADF', 'INVALID_ARGUMENT'], // closed
  ['ERR_INVALID_ARG_TYPE', 'INVALID_ARGUMENT'],
  ['ERR_INVALID_ARG_VALUE', 'INVALID_ARGUMENT'],
  ['EACCES', 'ACCESS_DENIED'],
  ['EPERM', 'ACCESS_DENIED'],
  ['EROFS', 'ACCESS_DENIED'],
  ['EAGAIN', 'UNAVAILABLE'],
  ['EBUSY', 'UNAVAILABLE'],
  ['EDQUOT', 'UNAVAILABLE'],
  ['EIO', 'UNAVAILABLE'],
  ['EMFILE', 'UNAVAILABLE'],
  ['ENFILE', 'UNAVAILABLE'],
  ['ENOSPC', 'UNAVAILABLE'],
  ['ETIMEDOUT', 'UNAVAILABLE'], // of a file system that lies across a network, as are the next ones
  ['ESTALE', 'UNAVAILABLE'],
  ['EHOSTDOWN', 'UNAVAILABLE'],
  ['ENOTCONN', 'UNAVAILABLE'],
])

/** What a file operation's error means; one that is not known is `UNKNOWN`. */
export function codeOfSystemError(error: unknown): ErrorCode {
  return codes.get(systemCode(error) ?? '') ?? 'UNKNOWN'
}

/** The operating system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
