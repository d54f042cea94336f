import { systemClock } from '../clock.ts'
import { keyringOf } from '../keys/keyring.ts'
import { openDataKey } from '../keys/open-data-key.ts'
import type { CallConditions } from '../keys/provider-call.ts'
import { sealDataKey } from '../keys/seal-data-key.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { utf8Length } from '../wire/text.ts'
import { demand, demandSameBytes } from './assert.ts'
import { type Bench, declares, randomBytes, sealWith, takeBytes, unwrap } from './bench.ts'
import { usualContext } from './contexts.ts'
import { demandFailure, outcomeOf } from './outcome.ts'
import type { CaseRow } from './row.ts'
import type { Capability } from './subject.ts'

/** What a provider says of itself, and what core makes of a capability that it declares or does not. */
export const identityCases: readonly CaseRow[] = [
  {
    name: 'has a name and a provider id that are well-formed text',
    applies: 'always',
    async run({ provider: { name, providerId } }) {
      for (const [what, text] of Object.entries({ name, providerId })) {
        demand(typeof text === 'string' && text !== '', `${what}: expected text that is not empty`)
        demand(text.isWellFormed(), `${what}: ill-formed Unicode`)
      }
      demand(utf8Length(providerId) <= 0xffff, `providerId: ${utf8Length(providerId)} bytes, at most 65535`)
    },
  },
  {
    name: 'says true or false of its properties',
    applies: 'always',
    async run({ provider: { bindsContext, authenticatesWriter } }) {
      const required: Readonly<Record<string, unknown>> = { bindsContext, authenticatesWriter }
      for (const [what, value] of Object.entries(required)) {
        demand(typeof value === 'boolean', `${what}: expected true or false, got ${typeof value}`)
      }
    },
  },
  {
    name: 'seals, or opens, or both',
    applies: 'always',
    async run({ provider }) {
      demand(typeof provider.accepts === 'function', 'accepts: expected a method')
      const capabilities: readonly Capability[] = ['generateDataKey', 'wrapDataKey', 'unwrapDataKey']
      demand(
        capabilities.some((capability) => declares(provider, capability)),
        `none of ${capabilities.join(', ')}`,
      )
    },
  },
  { name: 'declares what is expected of it', applies: 'always', needs: 'expects', run: declaresWhatIsExpected },
  { name: 'seals through core, or is refused as UNSUPPORTED', applies: 'always', run: sealsThroughCore },
  { name: 'opens through core, or is refused as NO_USABLE_KEY', applies: 'always', run: opensThroughCore },
]

const allCapabilities: readonly Capability[] = ['generateDataKey', 'wrapDataKey', 'unwrapDataKey', 'describe', 'close']

async function declaresWhatIsExpected({ provider, subject }: Bench): Promise<void> {
  const { bindsContext, authenticatesWriter, capabilities } = subject.expects ?? {}
  for (const [what, expected] of Object.entries({ bindsContext, authenticatesWriter })) {
    const declared = provider[what as 'bindsContext' | 'authenticatesWriter'] // the names just written
    demand(expected === undefined || declared === expected, `${what}: ${declared}, expected ${expected}`)
  }
  for (const capability of capabilities === undefined ? [] : allCapabilities) {
    const expected = capabilities?.includes(capability) === true
    demand(declares(provider, capability) === expected, `${capability}: expected ${expected ? 'a method' : 'none'}`)
  }
}

const conditions: CallConditions = {
  signal: undefined,
  callTimeoutMs: 10_000,
  clock: systemClock,
  observe: undefined,
}

async function sealsThroughCore({ provider, opener }: Bench): Promise<void> {
  const bound = usualContext()
  const keyring = keyringOf(provider)
  const sealed = (length: number) => sealDataKey(keyring, { length, ...bound }, conditions)
  if (!declares(provider, 'generateDataKey') && !declares(provider, 'wrapDataKey')) {
    demandFailure('sealing without a capability for it', await outcomeOf(() => sealed(32)), ['UNSUPPORTED'])
    return
  }
  for (const length of [16, 24, 32]) {
    const { dataKey, entries } = await sealed(length)
    const bytes = takeBytes(dataKey)
    demand(bytes.length === length, `sealing: a data key of ${bytes.length} bytes, asked for ${length}`)
    const [entry] = entries
    demand(entry !== undefined, 'sealing: no entry')
    if (opener !== undefined)
      demandSameBytes(await unwrap(opener, entry, length, bound), bytes, 'opening what it sealed')
  }
}

async function opensThroughCore(bench: Bench): Promise<void> {
  const { provider, sealer } = bench
  const bound = usualContext()
  const opens = declares(provider, 'unwrapDataKey')
  if (opens && sealer === undefined) return
  // Where nothing seals and nothing opens, any entry will do: it must not come as far as the provider.
  const any = { providerId: provider.providerId, providerInfo: randomBytes(8), ciphertext: randomBytes(48) }
  const { entry, bytes } = sealer === undefined ? { entry: any, bytes: randomBytes(32) } : await sealWith(sealer, bound)
  const request = {
    entries: [entry],
    length: bytes.length,
    requireAuthenticatedWriter: false,
    mayHedge: true,
    ...bound,
  }
  const verify = (dataKey: { readonly bytes: Uint8Array }) => SecretBytes.from(Uint8Array.from(dataKey.bytes))
  const outcome = await outcomeOf(() => openDataKey(keyringOf(provider), { ...request, verify }, conditions))
  if (!opens) {
    demandFailure('opening without a capability for it', outcome, ['NO_USABLE_KEY'])
    return
  }
  if ('error' in outcome) throw outcome.error
  demandSameBytes(takeBytes(outcome.value.value), bytes, 'opening')
}
