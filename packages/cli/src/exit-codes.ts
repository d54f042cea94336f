import type { ErrorCode } from '@keyfold/core'

/** What is no error code of Keyfold's: how a run that had nothing to do with keys or messages ended. */
const ownCodes = [
  [0, 'ok', 'done'],
  [1, 'UNEXPECTED', 'something that Keyfold does not know, most likely a defect'],
  [2, 'USAGE', 'the command line cannot be read'],
  [3, 'WARNINGS', 'doctor advises to mend something; every key can be used'],
  [4, 'ERRORS', 'doctor found a key that cannot be used'],
] as const

/** Stable: a code keeps its number, and a new one takes the next. */
const errorCodes: Readonly<Record<ErrorCode, readonly [exitCode: number, meaning: string]>> = {
  INVALID_ARGUMENT: [10, 'a file, reference, option or passphrase that cannot be right'],
  MALFORMED_MESSAGE: [11, 'the bytes are no message, or not all of one'],
  UNSUPPORTED: [12, 'this version cannot do it'],
  POLICY_VIOLATION: [13, 'a policy forbids it: commitment policy, rights of a key file'],
  LIMIT_EXCEEDED: [14, 'larger than a limit allows'],
  CONTEXT_MISMATCH: [15, 'the message has another context than --context asks for'],
  AUTHENTICATION_FAILED: [16, 'altered, sealed under another key, or a wrong passphrase'],
  NO_USABLE_KEY: [17, 'none of the keys opens the message'],
  KEY_NOT_FOUND: [18, 'the key is not there'],
  KEY_DISABLED: [19, 'the key is disabled or to be deleted'],
  SECRET_NOT_FOUND: [20, 'the secret is not there'],
  SECRET_DISABLED: [21, 'the secret is disabled or to be deleted'],
  SECRET_INVALID: [22, 'the secret has another shape than asked for'],
  ACCESS_DENIED: [23, 'the file or the key service denies access'],
  UNAUTHENTICATED: [24, 'the key service does not know who asks'],
  THROTTLED: [25, 'too many requests: try again later'],
  UNAVAILABLE: [26, 'disk full, pipe closed, service out of reach: try again later'],
  TIMEOUT: [27, 'no answer in time: try again later'],
  ABORTED: [28, 'given up'],
  TRANSPORT_CORRUPTION: [29, 'a request or answer was damaged on its way: try again'],
  LEASE_EXPIRED: [30, 'the lease is over'],
  CONFLICT: [31, 'the target or the key exists already, or another process is changing it'],
  UNKNOWN: [32, 'a key service or the system failed in a way without a code of its own'],
}

export const exitCodes = { ok: 0, unexpected: 1, usage: 2, warnings: 3, errors: 4 } as const

/** The exit code of an error code; of one that a newer core may have, 1. */
export function exitCodeOf(code: ErrorCode): number {
  return errorCodes[code]?.[0] ?? exitCodes.unexpected
}

/** All exit codes as a table, with the error code in front of each error. */
export function exitCodeRows(): readonly (readonly [exitCode: string, code: string, meaning: string])[] {
  const errors = Object.entries(errorCodes).map(([code, [exitCode, meaning]]) => [exitCode, code, meaning] as const)
  const signals = [
    [130, 'SIGINT', 'interrupted: nothing was left behind; 143 likewise for SIGTERM, 129 for SIGHUP'],
  ] as const
  return [...ownCodes, ...errors, ...signals].map(([exitCode, code, meaning]) => [String(exitCode), code, meaning])
}
