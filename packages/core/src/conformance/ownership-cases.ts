import type { KeyProvider } from '../keys/key-provider.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { demand, demandSameBytes, present } from './assert.ts'
import { type Bench, copyOf, generate, randomBytes, seal, takeBytes, unhurried, unwrap } from './bench.ts'
import { usualContext } from './contexts.ts'
import { outcomeOf } from './outcome.ts'
import type { CaseRow } from './row.ts'

/** Whose a data key is: what is handed in stays the caller's, and what is handed out becomes it. */
export const ownershipCases: readonly CaseRow[] = [
  {
    name: 'neither alters nor releases the data key that it wraps',
    applies: 'wraps',
    run: ({ provider }) => wrapsUnaltered(provider, unhurried().signal),
  },
  {
    name: 'neither alters nor releases the data key that it fails to wrap',
    applies: 'wraps',
    run: ({ provider }) => wrapsUnaltered(provider, AbortSignal.abort()),
  },
  {
    name: 'keeps no reference to the data key that it wraps',
    applies: 'wraps',
    async run({ provider }) {
      for (const signal of [unhurried().signal, AbortSignal.abort()]) {
        const dataKey = SecretBytes.from(randomBytes(32))
        await outcomeOf(() => provider.wrapDataKey?.({ dataKey, ...usualContext() }, { signal }))
        dataKey[Symbol.dispose]()
        demand(dataKey.released, 'the caller released its data key, and the provider still holds it')
      }
    },
  },
  {
    name: 'needs the data key no more once it is wrapped',
    applies: 'wraps',
    async run({ provider, opener }) {
      const bound = usualContext()
      const bytes = randomBytes(32)
      const dataKey = SecretBytes.from(Uint8Array.from(bytes))
      const entry = present(await provider.wrapDataKey?.({ dataKey, ...bound }, unhurried()), 'an entry')
      const before = copyOf(entry)
      dataKey[Symbol.dispose]()
      demandSameBytes(entry.ciphertext, before.ciphertext, 'the entry after its data key was released')
      if (opener !== undefined) demandSameBytes(await unwrap(opener, entry, 32, bound), bytes, 'the entry opened')
    },
  },
  {
    name: 'hands out unwrapped data keys that nobody else holds',
    applies: 'unwraps',
    async run(bench) {
      const { entry, bytes, bound } = await seal(bench)
      const before = copyOf(entry)
      const request = { entry, length: bytes.length, ...bound }
      const unwrapped = async () => present(await bench.provider.unwrapDataKey?.(request, unhurried()), 'a data key')
      demandApart(await unwrapped(), await unwrapped(), bytes)
      demandSameBytes(entry.ciphertext, before.ciphertext, 'the entry after its data key was released')
    },
  },
  {
    name: 'hands out generated data keys that nobody else holds',
    applies: 'generates',
    async run({ provider }) {
      const [one, two] = [await generate(provider, 32, usualContext()), await generate(provider, 32, usualContext())]
      demandApart(one.dataKey, two.dataKey)
    },
  },
  { name: 'leaves the entry that it unwraps unaltered', applies: 'unwraps', run: leavesTheEntry },
]

async function wrapsUnaltered(provider: KeyProvider, signal: AbortSignal): Promise<void> {
  const bytes = randomBytes(32)
  const dataKey = SecretBytes.from(Uint8Array.from(bytes))
  await outcomeOf(() => provider.wrapDataKey?.({ dataKey, ...usualContext() }, { signal }))
  demand(!dataKey.released, "it released the caller's data key")
  demandSameBytes(dataKey.bytes, bytes, "the caller's data key after the call")
  dataKey[Symbol.dispose]()
}

/** Two data keys of which releasing one, which wipes its bytes, leaves the other. */
function demandApart(one: SecretBytes, two: SecretBytes, expected = takeView(two)): void {
  demand(one !== two, 'the same data key was handed out twice')
  demand(!one.released && !two.released, 'a data key was handed out that is released already')
  one[Symbol.dispose]()
  demand(one.released, 'the caller released its data key, and the provider still holds it')
  demand(!two.released, 'releasing one data key released another')
  demandSameBytes(two.bytes, expected, 'a data key after another was released')
  two[Symbol.dispose]()
  demand(two.released, 'the caller released its data key, and the provider still holds it')
}

function takeView(dataKey: SecretBytes): Uint8Array {
  return Uint8Array.from(dataKey.bytes)
}

async function leavesTheEntry(bench: Bench): Promise<void> {
  const { entry, bytes, bound } = await seal(bench)
  const before = copyOf(entry)
  for (const signal of [unhurried().signal, AbortSignal.abort()]) {
    const dataKey = await outcomeOf(() =>
      bench.provider.unwrapDataKey?.({ entry, length: bytes.length, ...bound }, { signal }),
    )
    if ('value' in dataKey && dataKey.value !== undefined) takeBytes(dataKey.value)
    demandSameBytes(entry.providerInfo, before.providerInfo, 'the info of an entry that was unwrapped')
    demandSameBytes(entry.ciphertext, before.ciphertext, 'the ciphertext of an entry that was unwrapped')
  }
}
