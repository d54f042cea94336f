import type { EncryptRequest, KeyringDescription } from './peer.ts'
import { policyFor } from './suites.ts'
import { seededBytes, type TestKeys } from './vectors.ts'

/**
 * A request with everything that a test does not care about in its place.
 *
 * @param seed of its plaintext
 */
export function completeRequest(
  seed: string,
  testKeys: TestKeys,
  { suite = '0478', ...change }: Partial<EncryptRequest>,
): EncryptRequest {
  return {
    plaintext: seededBytes(seed, 300),
    suite,
    frameLength: 128,
    context: { purpose: 'interop', tenant: 'a', a: '1', A: '2', '\u{1F600}': '3', '\uFFFD': '4' },
    commitmentPolicy: policyFor(suite),
    keyring: keyringNamed(testKeys, 'aes-256'),
    ...change,
  }
}

/** A keyring of the test keys. */
export function keyringNamed({ keyrings }: TestKeys, name: string): KeyringDescription {
  const found = keyrings[name]
  if (found === undefined) throw new Error(`no keyring ${name}`)
  return found
}
