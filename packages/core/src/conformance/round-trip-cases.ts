import { equalBytes } from '../wire/bytes.ts'
import { demand, demandSameBytes, present } from './assert.ts'
import { type Bench, generate, open, randomBytes, sealWith, takeBytes, unwrap, wrap } from './bench.ts'
import { keyContext, usualContext } from './contexts.ts'
import type { CaseRow } from './row.ts'

/** Data keys of every length that a suite has. */
const lengths = [16, 24, 32]

/** That what was sealed is what is opened. */
export const roundTripCases: readonly CaseRow[] = [
  {
    name: 'generates data keys of 16, 24 and 32 bytes that their entries open to',
    applies: 'generates',
    async run({ provider, opener }) {
      const bound = usualContext()
      for (const length of lengths) {
        const { dataKey, entry } = await generate(provider, length, bound)
        const bytes = takeBytes(dataKey)
        demand(bytes.length === length, `generated ${bytes.length} bytes, asked for ${length}`)
        if (opener !== undefined) demandSameBytes(await unwrap(opener, entry, length, bound), bytes, `${length} bytes`)
      }
    },
  },
  {
    name: 'never generates a data key twice',
    applies: 'generates',
    async run({ provider }) {
      const [first, second] = [
        await generate(provider, 32, usualContext()),
        await generate(provider, 32, usualContext()),
      ]
      const [one, two] = [takeBytes(first.dataKey), takeBytes(second.dataKey)]
      demand(!equalBytes(one, two), 'two generated data keys are the same')
      demand(new Set(one).size > 1, 'a generated data key is one byte over and over')
    },
  },
  {
    name: 'wraps data keys of 16, 24 and 32 bytes that its entries open to',
    applies: 'wraps',
    async run({ provider, opener }) {
      const bound = usualContext()
      for (const length of lengths) {
        const bytes = randomBytes(length)
        const entry = await wrap(provider, bytes, bound)
        if (opener !== undefined) demandSameBytes(await unwrap(opener, entry, length, bound), bytes, `${length} bytes`)
      }
    },
  },
  {
    name: 'unwraps entries to the data keys of 16, 24 and 32 bytes that are in them',
    applies: 'unwraps',
    async run(bench) {
      for (const length of lengths) {
        const sealed = await sealWith(sealerOf(bench), usualContext(), randomBytes(length))
        demandSameBytes(await open(bench, sealed), sealed.bytes, `${length} bytes`)
      }
    },
  },
  {
    name: 'unwraps an entry more than once, and in any order',
    applies: 'unwraps',
    async run(bench) {
      const first = await sealWith(sealerOf(bench))
      const second = await sealWith(sealerOf(bench))
      for (const sealed of [second, first, second]) {
        demandSameBytes(await open(bench, sealed), sealed.bytes, 'an entry unwrapped')
      }
    },
  },
  {
    name: 'keeps 20 concurrent calls apart',
    applies: 'round trip',
    async run(bench) {
      const calls = Array.from({ length: 20 }, (_, at) => ({ at, bytes: randomBytes(lengths[at % 3] ?? 32) }))
      const sealed = await Promise.all(
        calls.map(({ at, bytes }) => sealWith(sealerOf(bench), keyContext({ call: String(at) }), bytes)),
      )
      const opened = await Promise.all(sealed.map((one) => open(bench, one)))
      for (const [at, bytes] of opened.entries()) {
        demandSameBytes(bytes, present(sealed[at], 'an entry').bytes, `concurrent call ${at}`)
      }
    },
  },
]

function sealerOf({ sealer }: Bench): NonNullable<Bench['sealer']> {
  return present(sealer, 'something that seals')
}
