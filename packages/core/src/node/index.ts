/**
 * Node's own streams and files.
 *
 * @module
 */
export { discreetAgent } from './discreet-agent.ts'
export { type DecryptDuplex, decryptDuplex, type EncryptDuplex, encryptDuplex } from './duplex.ts'
export { type FileSource, fileSource } from './file-source.ts'
