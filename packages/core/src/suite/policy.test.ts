import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { type CommitmentPolicy, demandMayOpen, demandPolicy, suiteToSeal } from './policy.ts'
import { suites } from './table.ts'

const requires = ['require-encrypt-require-decrypt', 'require-encrypt-allow-decrypt'] as const
const forbids = 'forbid-encrypt-allow-decrypt'
const policies: readonly CommitmentPolicy[] = [...requires, forbids]

const committing = [0x0578, 0x0478]
const uncommitted = [0x0378, 0x0346, 0x0214, 0x0178, 0x0146, 0x0114, 0x0078, 0x0046, 0x0014]
const signing = [0x0578, 0x0378, 0x0346, 0x0214]

function suiteOf(id: number) {
  const suite = suites.get(id)
  if (suite === undefined) throw new Error(`no suite ${id}`)
  return suite
}

function opens(policy: CommitmentPolicy, id: number): string {
  try {
    demandMayOpen(policy, suiteOf(id))
    return 'opens'
  } catch (error) {
    return KeyfoldError.is(error) ? error.code : String(error)
  }
}

describe('the suite to seal with', () => {
  // spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt/1
  // spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt/1
  test.each(requires)('is 0x0478 by default under %s, and 0x0578 to sign', (policy) => {
    expect(suiteToSeal(policy, undefined, undefined).id).toBe(0x0478)
    expect(suiteToSeal(policy, undefined, false).id).toBe(0x0478)
    expect(suiteToSeal(policy, undefined, true).id).toBe(0x0578)
  })

  // spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt/1
  test('is 0x0178 by default where commitment is forbidden, and 0x0378 to sign', () => {
    expect(suiteToSeal(forbids, undefined, undefined).id).toBe(0x0178)
    expect(suiteToSeal(forbids, undefined, false).id).toBe(0x0178)
    expect(suiteToSeal(forbids, undefined, true).id).toBe(0x0378)
  })

  // spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt/2
  // spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt/2
  test.each(requires)('commits to its key under %s, whichever is asked for', async (policy) => {
    for (const id of committing) expect(suiteToSeal(policy, id, undefined)).toBe(suites.get(id))
    for (const id of uncommitted)
      expect(await codeOf(() => suiteToSeal(policy, id, undefined))).toBe('POLICY_VIOLATION')
  })

  // spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt/2
  test('does not commit to its key where that is forbidden, whichever is asked for', async () => {
    for (const id of uncommitted) expect(suiteToSeal(forbids, id, undefined)).toBe(suites.get(id))
    for (const id of committing)
      expect(await codeOf(() => suiteToSeal(forbids, id, undefined))).toBe('POLICY_VIOLATION')
  })

  test('does not contradict whether to sign', async () => {
    for (const id of [...committing, ...uncommitted]) {
      const policy = committing.includes(id) ? requires[0] : forbids
      const signs = signing.includes(id)
      expect(suiteToSeal(policy, id, signs).id).toBe(id)
      expect(await codeOf(() => suiteToSeal(policy, id, !signs))).toBe('INVALID_ARGUMENT')
    }
  })

  test('is one of the table', async () => {
    for (const id of [0, 0x6701, 0x0479, -1, 0.5, Number.NaN]) {
      for (const policy of policies)
        expect(await codeOf(() => suiteToSeal(policy, id, undefined))).toBe('INVALID_ARGUMENT')
    }
    expect((await refusal(() => suiteToSeal(requires[0], 0, undefined))).message).toContain('0x0478')
  })
})

describe('the suites to open', () => {
  // spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt/3
  test('are those that commit to their key, where that is required both ways', () => {
    for (const id of committing) expect(opens(requires[0], id)).toBe('opens')
    for (const id of uncommitted) expect(opens(requires[0], id)).toBe('POLICY_VIOLATION')
  })

  // spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt/3
  // spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt/3
  test('are all of them under the other two policies', () => {
    for (const id of [...committing, ...uncommitted]) {
      expect(opens('require-encrypt-allow-decrypt', id)).toBe('opens')
      expect(opens(forbids, id)).toBe('opens')
    }
  })
})

describe('a policy', () => {
  test('is one of three names', async () => {
    for (const policy of policies) expect(demandPolicy(policy)).toBe(policy)
    for (const other of [
      '',
      'require',
      'toString',
      '__proto__',
      'REQUIRE-ENCRYPT-REQUIRE-DECRYPT',
      1,
      null,
      undefined,
      {},
    ]) {
      expect(await codeOf(() => demandPolicy(other))).toBe('INVALID_ARGUMENT')
    }
  })
})
