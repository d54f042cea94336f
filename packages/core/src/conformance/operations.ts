import type { CallOptions } from '../keys/key-provider.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { type Bench, randomBytes, type Sealed, seal } from './bench.ts'
import { usualContext } from './contexts.ts'

/** One of a provider's calls, with sound arguments. */
export interface Operation {
  readonly name: 'generateDataKey' | 'wrapDataKey' | 'unwrapDataKey' | 'describe'
  /** The provider's own answer: not awaited, and what it throws is thrown. */
  call(options: CallOptions): unknown
}

/** Every call that the provider declares and that the bench has the arguments for. */
export async function operationsOf(bench: Bench): Promise<readonly Operation[]> {
  const sealed =
    bench.provider.unwrapDataKey === undefined || bench.sealer === undefined ? undefined : await seal(bench)
  return operationsWith(bench, sealed)
}

/** The same calls, with this entry to unwrap. */
export function operationsWith(
  { provider }: Pick<Bench, 'provider'>,
  sealed: Sealed | undefined,
): readonly Operation[] {
  const bound = usualContext()
  const operations: Operation[] = []
  if (provider.generateDataKey !== undefined) {
    const call = (options: CallOptions) => provider.generateDataKey?.({ length: 32, ...bound }, options)
    operations.push({ name: 'generateDataKey', call })
  }
  if (provider.wrapDataKey !== undefined) {
    const dataKey = SecretBytes.from(randomBytes(32))
    operations.push({
      name: 'wrapDataKey',
      call: (options) => provider.wrapDataKey?.({ dataKey, ...bound }, options),
    })
  }
  if (provider.unwrapDataKey !== undefined && sealed !== undefined) {
    const request = { entry: sealed.entry, length: sealed.bytes.length, ...sealed.bound }
    operations.push({ name: 'unwrapDataKey', call: (options) => provider.unwrapDataKey?.(request, options) })
  }
  if (provider.describe !== undefined) {
    operations.push({ name: 'describe', call: (options) => provider.describe?.(options) })
  }
  return operations
}
