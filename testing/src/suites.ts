import type { CommitmentPolicy, RsaPadding, SuiteId } from './peer.ts'

/** All suites of the format, so that a test over "every suite" cannot forget one. */
export const SUITES: readonly SuiteId[] = [
  '0014',
  '0046',
  '0078',
  '0114',
  '0146',
  '0178',
  '0214',
  '0346',
  '0378',
  '0478',
  '0578',
]

export const RSA_PADDINGS: readonly RsaPadding[] = ['pkcs1', 'oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512']

/** The strictest policy under which every implementation both writes and reads the suite. */
export function policyFor(suite: SuiteId): CommitmentPolicy {
  return commits(suite) ? 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT' : 'FORBID_ENCRYPT_ALLOW_DECRYPT'
}

function commits(suite: SuiteId): boolean {
  return suite === '0478' || suite === '0578'
}
