import type { ErrorCode } from '@keyfold/core'

/** What to do about each error code: the last column of docs/errors.md. Empty where there is nothing. */
export const remedies: Readonly<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: 'read the message: it names what was expected and seen',
  MALFORMED_MESSAGE: 'give exactly the bytes that `encrypt` returned, decoded',
  UNSUPPORTED: 'use another key, or a later version; install the package that the message names',
  POLICY_VIOLATION: 'change the policy if the message is to be trusted; `chmod 600` the key file',
  LIMIT_EXCEEDED: 'raise the limit that the message names, if the message is to be trusted',
  CONTEXT_MISMATCH:
    'this is another message than the one you expect; a pair that was withheld must be named in `withheld`',
  AUTHENTICATION_FAILED:
    'treat the message as forged; check that key, withheld pairs and passphrase are the ones it was sealed with',
  NO_USABLE_KEY:
    'configure a key that the message was sealed for: `inspect` shows its entries; mend what the attempts say',
  KEY_NOT_FOUND: 'check name and path; an old version was taken out of the file',
  KEY_DISABLED: 'enable it in the key service',
  SECRET_NOT_FOUND: '',
  SECRET_DISABLED: '',
  SECRET_INVALID: '',
  ACCESS_DENIED: 'grant the right; it is not a missing key',
  UNAUTHENTICATED: 'give or renew credentials',
  THROTTLED: 'wait `retryAfterMs`, or longer each time',
  UNAVAILABLE: 'try again later',
  TIMEOUT:
    'try again; raise `callTimeoutMs`, and the key’s `tryTimeoutMs`, if the service is slow; to seal without that key, `anyOf([…], { require: 1 })`',
  ABORTED: '',
  TRANSPORT_CORRUPTION: 'try again',
  LEASE_EXPIRED: '',
  CONFLICT: 'choose another name, or rotate; if that process is gone, remove the lock file that the message names',
  UNKNOWN: 'look at `cause`; report it',
}
