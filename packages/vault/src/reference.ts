import { demandParameters, KeyfoldError, type Reference } from '@keyfold/core'
import type { TransitOptions } from './transit.ts'

/** What a `hashivault` reference names. */
export interface TransitReference {
  readonly key: string
  readonly options: Pick<TransitOptions, 'mount' | 'namespace' | 'binding'>
}

/**
 * Reads `hashivault://KEY?engine=MOUNT&namespace=NAMESPACE&binding=derived`, of which the key alone is needed. Never an
 * address: which server is asked is the program's to say.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function parseTransitReference(reference: Reference): TransitReference {
  demandParameters(reference, ['engine', 'namespace', 'binding'])
  const [key, ...more] = reference.segments
  if (key === undefined || more.length > 0) throw invalid('expected one segment, the name of a key')
  if (reference.fragment !== undefined) throw invalid('a key has no fragment')
  const { parameters } = reference
  const binding = parameters.get('binding')
  if (binding !== undefined && binding !== 'derived' && binding !== 'aad' && binding !== 'none') {
    throw invalid('binding: expected derived, aad or none')
  }
  return { key, options: { mount: parameters.get('engine'), namespace: parameters.get('namespace'), binding } }
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `reference hashivault: ${message}`)
}
