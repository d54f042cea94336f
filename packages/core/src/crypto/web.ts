import { KeyfoldError } from '../errors.ts'
import type { Engine } from './engine.ts'
import type { Wrapping } from './wrapping.ts'

/*
 * What the browser condition leads to. There is no engine on WebCrypto yet: every call says so, by name, so that the root
 * entry can be bundled and its wire format read (`inspect`) without anything that half works.
 */

function unsupported(name: string): () => never {
  return () => {
    throw new KeyfoldError('UNSUPPORTED', `${name}: this version of Keyfold has no engine for browsers`)
  }
}

export const engine: Engine = {
  supports: () => false,
  randomBytes: unsupported('engine.randomBytes'),
  allocate: unsupported('engine.allocate'),
  messageKey: unsupported('engine.messageKey'),
  signingKey: unsupported('engine.signingKey'),
  verifier: unsupported('engine.verifier'),
  verifySignature: unsupported('engine.verifySignature'),
}

export const wrapping: Wrapping = {
  importAesKey: unsupported('wrapping.importAesKey'),
  importRsaPublicKey: unsupported('wrapping.importRsaPublicKey'),
  importRsaPrivateKey: unsupported('wrapping.importRsaPrivateKey'),
  scrypt: unsupported('wrapping.scrypt'),
}
