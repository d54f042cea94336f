export type { Skip } from './availability.ts'
export { availableServer } from './availability.ts'
export { javascriptPeer } from './javascript-peer.ts'
export { keyfoldPeer } from './keyfold-peer.ts'
export type {
  CommitmentPolicy,
  DecryptRequest,
  DecryptResult,
  EncryptionContext,
  EncryptRequest,
  KeyringDescription,
  MultiKeyring,
  Peer,
  PeerFeature,
  RawAesKeyring,
  RawRsaKeyring,
  RsaPadding,
  SuiteId,
} from './peer.ts'
export { PeerError } from './peer.ts'
export type { PythonPeerOptions } from './python-peer.ts'
export { startPythonPeer } from './python-peer.ts'
export type { Located, Missing, Resolution, ResolveOptions } from './resolve.ts'
export { cacheFolder, resolveServer } from './resolve.ts'
export type { ProcessOptions, RunningProcess } from './running-process.ts'
export { startProcess } from './running-process.ts'
export type { ServerRow, Step } from './server-row.ts'
export { pythonSdk, SERVERS } from './servers.ts'
export { policyFor, RSA_PADDINGS, SUITES } from './suites.ts'
export type { Vector } from './vectors.ts'
export { readTestKeys, readVectors, seededBytes } from './vectors.ts'
