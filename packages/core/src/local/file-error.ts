import { KeyfoldError } from '../errors.ts'
import { codeOfSystemError, systemCode } from '../system-error.ts'

/** Whatever a file operation threw, as a KeyfoldError: where there is no file, there is no key. */
export function fileError(path: string, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  const name = systemCode(error) ?? ''
  const code = name === 'ENOENT' || name === 'ENOTDIR' ? 'KEY_NOT_FOUND' : codeOfSystemError(error)
  const reason = reasons.get(name) ?? `it failed with ${name || 'an unknown error'}`
  return new KeyfoldError(code, `key file ${path}: ${reason}`, { cause: error })
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'there is no such file'],
  ['EACCES', 'access is denied'],
  ['EPERM', 'access is denied'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ENOSPC', 'the disk is full'],
  ['ENAMETOOLONG', 'its path is too long, or its name with .lock at the end'],
])
