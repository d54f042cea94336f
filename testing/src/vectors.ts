import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { EncryptionContext, KeyringDescription, SuiteId } from './peer.ts'

/** A message that another implementation wrote once. Every later release has to open it. */
export interface Vector {
  readonly name: string
  readonly producer: string
  readonly suite: SuiteId
  /** In bytes; 0 for an unframed body. */
  readonly frameLength: number
  readonly keyring: KeyringDescription
  /** The stored pairs; a signed suite adds its public key to them in the header. */
  readonly context: EncryptionContext
  /** Pairs that the header does not hold and whoever opens the message has to give. */
  readonly withheld?: EncryptionContext
  readonly plaintext: Uint8Array
  readonly ciphertext: Uint8Array
}

/** The files' own form: keyrings by name in `test-keys.json`, plaintexts by seed, ciphertexts in base64. */
export interface VectorFile {
  readonly producer: string
  readonly vectors: readonly StoredVector[]
}

export interface StoredVector {
  readonly name: string
  readonly suite: SuiteId
  readonly frameLength: number
  readonly keyring: string
  readonly context: EncryptionContext
  readonly withheld?: EncryptionContext
  readonly plaintext: SeededPlaintext
  readonly ciphertext: string
}

export interface SeededPlaintext {
  readonly seed: string
  readonly length: number
  /** Hex, of the whole plaintext: shows a mistake in the generator for what it is. */
  readonly sha256: string
}

export interface TestKeys {
  readonly warning: string
  readonly keyrings: Readonly<Record<string, KeyringDescription>>
}

export const VECTORS_FOLDER: URL = new URL('../vectors/', import.meta.url)
const TEST_KEYS = 'test-keys.json'

/** All frozen vectors, of all producers. */
export async function readVectors(): Promise<readonly Vector[]> {
  const { keyrings } = await readTestKeys()
  const files = (await readdir(VECTORS_FOLDER)).filter((name) => name.endsWith('.json') && name !== TEST_KEYS).sort()
  const vectors: Vector[] = []
  for (const name of files) {
    const { producer, vectors: stored } = await readJson<VectorFile>(name)
    vectors.push(...stored.map((vector) => restore(vector, producer, keyrings)))
  }
  return vectors
}

export async function readTestKeys(): Promise<TestKeys> {
  return readJson<TestKeys>(TEST_KEYS)
}

/** SHA-256 of `<seed>:<block number>`, block after block: any length from a short text, in any language. */
export function seededBytes(seed: string, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 32) * 32)
  for (let block = 0; block * 32 < length; block++) {
    bytes.set(createHash('sha256').update(`${seed}:${block}`).digest(), block * 32)
  }
  return bytes.slice(0, length)
}

export function seededPlaintext(seed: string, length: number): SeededPlaintext {
  return { seed, length, sha256: sha256(seededBytes(seed, length)) }
}

function restore(stored: StoredVector, producer: string, keyrings: TestKeys['keyrings']): Vector {
  const { seed, length, sha256: expected } = stored.plaintext
  const plaintext = seededBytes(seed, length)
  if (sha256(plaintext) !== expected) throw new Error(`${stored.name}: the seed makes another plaintext`)
  const keyring = keyrings[stored.keyring]
  if (keyring === undefined) throw new Error(`${stored.name}: no keyring ${stored.keyring}`)
  const ciphertext = new Uint8Array(Buffer.from(stored.ciphertext, 'base64'))
  return { ...stored, producer, keyring, plaintext, ciphertext }
}

async function readJson<T>(name: string): Promise<T> {
  // Our own files, written by make-vectors.ts in just this form.
  return JSON.parse(await readFile(new URL(name, VECTORS_FOLDER), 'utf8')) as T
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
