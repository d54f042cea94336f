import type { Adapter, KeyProvider } from '@keyfold/core'
import type { Fault, FaultProxy, ProxiedRequest } from '@keyfold/testing/fault-proxy'

/** One key of a running key service, through the service's own client, with a fault proxy between the two. */
export interface ServedKey extends AsyncDisposable {
  readonly key: KeyProvider
  readonly proxy: FaultProxy
  /** What names the key in a configuration, and what reads it. */
  readonly reference: string
  readonly adapter: Adapter
  /** How the service refuses a caller who lacks the right: no client asks again. */
  readonly denial: Fault
  /** Whether a request asks for a data key, or for one to be wrapped. */
  isDataKeyCall(request: ProxiedRequest): boolean
}

/** How many data-key calls came to the service. */
export function dataKeyCalls({ proxy, isDataKeyCall }: ServedKey): number {
  return proxy.requests.filter(isDataKeyCall).length
}
