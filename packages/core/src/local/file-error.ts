import { type ErrorCode, KeyfoldError } from '../errors.ts'

/** What the operating system's refusals mean; those that are not here are `UNKNOWN`. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOENT', 'KEY_NOT_FOUND'],
  ['ENOTDIR', 'KEY_NOT_FOUND'],
  ['EACCES', 'ACCESS_DENIED'],
  ['EPERM', 'ACCESS_DENIED'],
  ['EROFS', 'ACCESS_DENIED'],
  ['EISDIR', 'INVALID_ARGUMENT'],
  ['ELOOP', 'INVALID_ARGUMENT'],
  ['ENAMETOOLONG', 'INVALID_ARGUMENT'],
  ['ENXIO', 'INVALID_ARGUMENT'],
  ['EAGAIN', 'UNAVAILABLE'],
  ['EBUSY', 'UNAVAILABLE'],
  ['EDQUOT', 'UNAVAILABLE'],
  ['EIO', 'UNAVAILABLE'],
  ['EMFILE', 'UNAVAILABLE'],
  ['ENFILE', 'UNAVAILABLE'],
  ['ENOSPC', 'UNAVAILABLE'],
])

/** Whatever a file operation threw, as a KeyfoldError. */
export function fileError(path: string, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  const code = systemCode(error) ?? ''
  return new KeyfoldError(
    codes.get(code) ?? 'UNKNOWN',
    `key file ${path}: ${reasons.get(code) ?? `it failed with ${code || 'an unknown error'}`}`,
    {
      cause: error,
    },
  )
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'there is no such file'],
  ['EACCES', 'access is denied'],
  ['EPERM', 'access is denied'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ENOSPC', 'the disk is full'],
])

/** The operating system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
