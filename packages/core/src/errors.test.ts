import { describe, expect, test } from 'vitest'
import { type Attempt, type ErrorCode, errorOfAttempts, KeyfoldError } from './errors.ts'

const attempt = (provider: string, code: ErrorCode, message: string, providerId = 'id'): Attempt => {
  return { provider, providerId, code, message, error: new KeyfoldError(code, message) }
}

describe('a KeyfoldError', () => {
  test('is an Error with a code, a message and a cause', () => {
    const cause = new Error('inner')
    const error = new KeyfoldError('ACCESS_DENIED', 'refused', { cause, retryAfterMs: 20 })
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.code, error.message, error.cause]).toEqual([
      'KeyfoldError',
      'ACCESS_DENIED',
      'refused',
      cause,
    ])
    expect([error.retryAfterMs, error.attempts]).toEqual([20, []])
    expect(String(error)).toBe('KeyfoldError: refused')
    expect('cause' in new KeyfoldError('UNKNOWN', 'x')).toBe(false)
  })

  const retryable = ['THROTTLED', 'UNAVAILABLE', 'TIMEOUT', 'TRANSPORT_CORRUPTION']
  const codes: readonly ErrorCode[] = [
    'INVALID_ARGUMENT',
    'MALFORMED_MESSAGE',
    'UNSUPPORTED',
    'POLICY_VIOLATION',
    'LIMIT_EXCEEDED',
    'CONTEXT_MISMATCH',
    'AUTHENTICATION_FAILED',
    'NO_USABLE_KEY',
    'KEY_NOT_FOUND',
    'KEY_DISABLED',
    'SECRET_NOT_FOUND',
    'SECRET_DISABLED',
    'SECRET_INVALID',
    'ACCESS_DENIED',
    'UNAUTHENTICATED',
    'THROTTLED',
    'UNAVAILABLE',
    'TIMEOUT',
    'ABORTED',
    'TRANSPORT_CORRUPTION',
    'LEASE_EXPIRED',
    'CONFLICT',
    'UNKNOWN',
  ]
  test.each(codes)('of code %s may be worth another try, or not', (code) => {
    expect(new KeyfoldError(code, 'x').retryable).toBe(retryable.includes(code))
    expect(new KeyfoldError(code, 'x', { retryable: true }).retryable).toBe(true)
    expect(new KeyfoldError(code, 'x', { retryable: false }).retryable).toBe(false)
  })

  test('of several tries is worth another where one of them is', () => {
    const attempts = [attempt('a', 'ACCESS_DENIED', 'x'), attempt('b', 'THROTTLED', 'y')]
    expect(new KeyfoldError('NO_USABLE_KEY', 'x', { attempts }).retryable).toBe(true)
    expect(new KeyfoldError('NO_USABLE_KEY', 'x', { attempts: attempts.slice(0, 1) }).retryable).toBe(false)
    expect(new KeyfoldError('NO_USABLE_KEY', 'x', { attempts, retryable: false }).retryable).toBe(false)
  })
})

describe('KeyfoldError.is', () => {
  test('tells a KeyfoldError from anything else', () => {
    class Own extends KeyfoldError {}
    expect(KeyfoldError.is(new KeyfoldError('UNKNOWN', 'x'))).toBe(true)
    expect(KeyfoldError.is(new Own('UNKNOWN', 'x'))).toBe(true)
    const others = [
      new Error('x'),
      { code: 'UNKNOWN', message: 'x' },
      { name: 'KeyfoldError', code: 'UNKNOWN' },
      null,
      undefined,
      'UNKNOWN',
      7,
    ]
    for (const other of others) expect(KeyfoldError.is(other)).toBe(false)
    expect(KeyfoldError.is(KeyfoldError.prototype)).toBe(false)
  })

  test('knows the errors of another copy of the package, as that one knows these', async () => {
    const path: string = './errors.ts?another-copy'
    const another: typeof import('./errors.ts') = await import(path)
    expect(another.KeyfoldError).not.toBe(KeyfoldError)
    const theirs: unknown = new another.KeyfoldError('TIMEOUT', 'x')
    expect(theirs instanceof KeyfoldError).toBe(false)
    expect(KeyfoldError.is(theirs)).toBe(true)
    expect(another.KeyfoldError.is(new KeyfoldError('TIMEOUT', 'x'))).toBe(true)
  })
})

describe('the error of several attempts', () => {
  test('is NO_USABLE_KEY without any', () => {
    const error = errorOfAttempts('nothing was tried', [])
    expect([error.code, error.message, error.attempts]).toEqual(['NO_USABLE_KEY', 'nothing was tried', []])
  })

  test('is the one attempt’s own where there is one', () => {
    const only = attempt('a', 'KEY_DISABLED', 'disabled')
    expect(errorOfAttempts('tried', [only])).toBe(only.error)
  })

  test('has the code that all attempts share, or NO_USABLE_KEY', () => {
    const attempts = [attempt('a', 'ACCESS_DENIED', 'x'), attempt('b', 'ACCESS_DENIED', 'y')]
    expect(errorOfAttempts('tried', attempts)).toMatchObject({ code: 'ACCESS_DENIED', attempts })
    const mixed = [...attempts, attempt('c', 'THROTTLED', 'z')]
    expect(errorOfAttempts('tried', mixed)).toMatchObject({ code: 'NO_USABLE_KEY', attempts: mixed, retryable: true })
  })

  test('prints them as a table', () => {
    const { message } = errorOfAttempts('none of 3 tries did it:', [
      attempt('ns/long-name', 'ACCESS_DENIED', 'no', 'aws-kms'),
      attempt('b', 'AUTHENTICATION_FAILED', 'wrong', 'x'),
      attempt('', 'TIMEOUT', 'late', ''),
    ])
    expect(message.split('\n')).toEqual([
      'none of 3 tries did it:',
      '  ns/long-name  aws-kms  ACCESS_DENIED          no',
      '  b             x        AUTHENTICATION_FAILED  wrong',
      '                         TIMEOUT                late',
    ])
  })
})
