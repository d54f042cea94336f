import { equalBytes, standsAt } from '../wire/bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { utf8Length } from '../wire/text.ts'
import { demand, demandSameBytes, present } from './assert.ts'
import { type Bench, copyOf, generate, randomBytes, seal, sealWith, takeBytes, wrap } from './bench.ts'
import { usualContext } from './contexts.ts'
import { searchFor } from './leak.ts'
import type { CaseRow } from './row.ts'

/** What entries look like, and which a provider takes for its own. */
export const entryCases: readonly CaseRow[] = [
  {
    name: 'makes entries that carry its provider id and fit the format',
    applies: 'seals',
    async run(bench) {
      for (const entry of await entriesOf(bench)) {
        demandEntry(entry)
        demand(entry.providerId === bench.provider.providerId, 'an entry carries another provider id')
      }
    },
  },
  {
    name: 'makes entries in which the data key does not show',
    applies: 'seals',
    async run({ provider }) {
      const { entry, bytes } = await sealWith(provider)
      demand(searchFor(bytes)(entry) === undefined, 'an entry holds the data key in clear')
    },
  },
  {
    // AES key wrap, which binds no context, is the same each time by design.
    name: 'seals a data key anew each time where it binds a context',
    applies: 'wraps',
    async run({ provider }) {
      if (!provider.bindsContext) return
      const bytes = randomBytes(32)
      const [one, two] = [await wrap(provider, bytes, usualContext()), await wrap(provider, bytes, usualContext())]
      const same = equalBytes(one.providerInfo, two.providerInfo) && equalBytes(one.ciphertext, two.ciphertext)
      demand(!same, 'a data key was sealed twice to the same entry: its nonce is fixed')
    },
  },
  {
    name: 'seals no two data keys with one keystream',
    applies: 'seals',
    async run({ provider }) {
      const [one, two] = [await sealWith(provider), await sealWith(provider)]
      const difference = differenceOf(one.entry.ciphertext, two.entry.ciphertext)
      const shown = holds(difference, differenceOf(one.bytes, two.bytes))
      demand(!shown, "two ciphertexts differ as their data keys do: a cipher's nonce repeats")
    },
  },
  {
    name: 'accepts its own entries',
    applies: 'round trip',
    async run(bench) {
      const { entry } = await seal(bench)
      demand(bench.provider.accepts(entry), 'it does not accept an entry of its own key')
    },
  },
  {
    name: 'accepts no entry of another provider id',
    applies: 'always',
    async run(bench) {
      const { provider } = bench
      const random = { providerInfo: randomBytes(24), ciphertext: randomBytes(48) }
      // Random info is foreign to whoever looks at the info alone: only an entry of its own shows what the id is worth.
      const own = bench.sealer === undefined ? random : (await seal(bench)).entry
      for (const providerId of foreignIds(provider.providerId)) {
        const shown = JSON.stringify(providerId)
        demand(!provider.accepts({ ...random, providerId }), `it accepts random info of the provider id ${shown}`)
        demand(!provider.accepts({ ...own, providerId }), `it accepts an entry of its own made out to ${shown}`)
      }
    },
  },
  {
    name: "accepts no other key's entries",
    applies: 'always',
    needs: 'other',
    async run({ provider, subject }) {
      const other = present(await subject.other?.(), 'other()')
      const { entry } = await sealWith(other)
      demand(!provider.accepts(entry), "it accepts an entry of the subject's other key")
    },
  },
  {
    name: 'judges any entry without exception, alike each time, and leaves it unaltered',
    applies: 'always',
    async run(bench) {
      for (const [what, entry] of Object.entries(await oddEntries(bench))) demandPureJudgement(bench, what, entry)
    },
  },
]

/** An entry of each way in which the provider makes them. */
async function entriesOf({ provider }: Bench): Promise<readonly EncryptedDataKey[]> {
  const entries: EncryptedDataKey[] = []
  if (provider.wrapDataKey !== undefined) entries.push(await wrap(provider, randomBytes(32), usualContext()))
  if (provider.generateDataKey === undefined) return entries
  const { dataKey, entry } = await generate(provider, 32, usualContext())
  takeBytes(dataKey)
  return [...entries, entry]
}

function demandEntry({ providerId, providerInfo, ciphertext }: EncryptedDataKey): void {
  demand(typeof providerId === 'string' && providerId.isWellFormed(), 'providerId: expected well-formed text')
  demand(utf8Length(providerId) <= 0xffff, `providerId: ${utf8Length(providerId)} bytes, at most 65535`)
  for (const [what, bytes] of Object.entries({ providerInfo, ciphertext })) {
    demand(bytes instanceof Uint8Array, `${what}: expected a Uint8Array`)
    demand(bytes.length <= 0xffff, `${what}: ${bytes.length} bytes, at most 65535`)
  }
  demand(ciphertext.length > 0, 'ciphertext: empty')
}

function differenceOf(one: Uint8Array, two: Uint8Array): Uint8Array {
  return one.subarray(0, Math.min(one.length, two.length)).map((byte, at) => byte ^ (two[at] ?? 0))
}

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let start = 0; start + part.length <= bytes.length; start++) {
    if (standsAt(bytes, start, part)) return true
  }
  return false
}

/** Ids that are close to a provider's own, and those of other providers. */
function foreignIds(providerId: string): readonly string[] {
  const cut = [...providerId].slice(0, -1).join('')
  const close = [`not-${providerId}`, `${providerId}-x`, `${providerId}x`, providerId.toUpperCase(), cut]
  const others = ['aws-kms', 'gcp-kms', 'azure-keyvault', 'vault-transit', 'keyfold-local', 'raw-ecdh']
  return [...close, ...others].filter((one) => one !== providerId)
}

async function oddEntries(bench: Bench): Promise<Readonly<Record<string, EncryptedDataKey>>> {
  const { providerId } = bench.provider
  const none = new Uint8Array(0)
  const random = { providerId, providerInfo: randomBytes(40), ciphertext: randomBytes(64) }
  const { entry } = bench.sealer === undefined ? { entry: random } : await seal(bench)
  const info = entry.providerInfo
  return {
    'its own entry': entry,
    'an entry of nothing': { providerId: '', providerInfo: none, ciphertext: none },
    'an entry of nothing but the provider id': { providerId, providerInfo: none, ciphertext: none },
    'an entry of random bytes': random,
    'an entry of the longest random bytes': { providerId, providerInfo: randomBytes(0xffff), ciphertext: none },
    'an entry of another provider id': { ...entry, providerId: `not-${providerId}` },
    'an entry whose info is cut': { ...entry, providerInfo: info.slice(0, -1) },
    'an entry whose info is extended': { ...entry, providerInfo: Uint8Array.from([...info, 0]) },
    'an entry without a ciphertext': { ...entry, ciphertext: none },
  }
}

function demandPureJudgement({ provider }: Bench, what: string, given: EncryptedDataKey): void {
  const before = copyOf(given)
  const entry = Object.freeze(copyOf(given))
  const judge = (): unknown => {
    try {
      return provider.accepts(entry)
    } catch {
      throw new Error(`accepts throws for ${what}`)
    }
  }
  const judgements = [judge(), judge(), judge()]
  demand(
    judgements.every((judgement) => typeof judgement === 'boolean'),
    `accepts answers neither true nor false for ${what}`,
  )
  demand(new Set(judgements).size === 1, `accepts answers differently each time for ${what}`)
  demandSameBytes(entry.providerInfo, before.providerInfo, `accepts altered the info of ${what}`)
  demandSameBytes(entry.ciphertext, before.ciphertext, `accepts altered the ciphertext of ${what}`)
}
