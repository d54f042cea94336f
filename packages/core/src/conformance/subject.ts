import type { KeyProvider } from '../keys/key-provider.ts'

/** One fact that an implementation must bear out. Knows no test runner. */
export interface ConformanceCase {
  /** The fact, in words; unique within the kit, and stable: exclusions go by it. */
  readonly name: string
  /** Why the case is not run; then `run` does nothing. */
  readonly skip?: string
  /** @throws Error where the provider does not bear the fact out; the kit's own message shows no key; the provider's own error may */
  run(): Promise<void>
}

/** Ways in which a key service refuses, each of which must stay recognisable. */
export type FailureKind = 'denied' | 'unauthenticated' | 'missing' | 'disabled' | 'throttled' | 'unavailable'

/** A method that a provider may lack. */
export type Capability = 'generateDataKey' | 'wrapDataKey' | 'unwrapDataKey' | 'describe' | 'close'

/** What a provider should declare. What is left out is taken from the provider. */
export interface KeyProviderExpectations {
  readonly bindsContext?: boolean
  readonly authenticatesWriter?: boolean
  /** All of them, in any order: one that got lost would otherwise only make cases pass that have nothing left to try. */
  readonly capabilities?: readonly Capability[]
}

/** Makes a provider; asked by each case that is run, and never before. */
export type ProviderFactory = () => KeyProvider | Promise<KeyProvider>

/** A provider to be tested, and what is needed to test it with. */
export interface KeyProviderSubject {
  /** The provider. It may be the same one each time, but the last case closes the one that it was given. */
  readonly provider: ProviderFactory
  /** A provider of the same kind with another wrapping key and another name for it, that seals. */
  readonly other?: ProviderFactory
  /** The other half of a key that only seals or only opens: without it, neither's entries can be tried. */
  readonly counterpart?: ProviderFactory
  readonly expects?: KeyProviderExpectations
  /**
   * True for RSA with PKCS#1 v1.5, where a refusal told apart from a wrong key opens messages to whoever asks often enough:
   * damage must give random bytes of the length asked for. Everywhere else it must give `AUTHENTICATION_FAILED`.
   */
  readonly disguisesRefusals?: boolean
  /** A provider of the very key, whose service takes each call and never answers; it has no deadline of its own. */
  readonly stalled?: ProviderFactory
  /**
   * Providers of the very key, whose service refuses each sealing and opening call in one way. `unavailable` is an outage
   * or an answer that does not come: nothing may wait for it longer than the runner allows.
   */
  readonly failures?: { readonly [Kind in FailureKind]?: ProviderFactory }
  /** Cases that are not to be run, by name, each with the reason. */
  readonly exclusions?: Readonly<Record<string, string>>
}
