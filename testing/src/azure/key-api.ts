import { openWith, type Parameters, sealWith } from './key-cryptography.ts'
import { type JsonWebKeyBody, publicJwk } from './key-material.ts'
import { policyBody, setPolicy } from './key-rotation.ts'
import type { KeyRequest } from './key-route.ts'
import type { KeyStore, KeyTerms, KeyVersion, StoredKey } from './key-store.ts'
import { badParameter, forbidden, incorrect } from './service-error.ts'

type Body = Readonly<Record<string, unknown>>

/** The answer's body; undefined where it has none. */
export function answerKeyRequest(store: KeyStore, baseUrl: string, request: KeyRequest, body: Body): unknown {
  const { operation, name, version, deleted } = request
  demandName(store, name)
  const bundle = (found: KeyVersion): unknown => keyBundle(`${baseUrl}/keys/${name}/${found.version}`, found)
  switch (operation) {
    case 'create':
      return bundle(store.create(name, body, termsOf(body)))
    case 'import':
      return bundle(importKey(store, name, body))
    case 'get':
      return deleted ? deletedBundle(baseUrl, store.deleted(name)) : bundle(store.version(name, version))
    case 'update':
      return bundle(update(store, store.version(name, version), body))
    case 'rotate':
      return bundle(store.rotate(name))
    case 'getRotationPolicy':
      return policyBody(store, baseUrl, store.key(name))
    case 'setRotationPolicy':
      return setPolicy(store, baseUrl, store.key(name), body)
    case 'delete':
      return deletedBundle(baseUrl, store.delete(name))
    case 'recover':
      return bundle(current(store.recover(name)))
    case 'purge':
      return store.purge(name)
    default:
      return operate(store, baseUrl, { ...request, operation }, body)
  }
}

function demandName({ kind }: KeyStore, name: string): void {
  if (name === '') throw badParameter('Operation not specified')
  if (/^[0-9a-zA-Z-]{1,127}$/.test(name)) return
  throw badParameter(
    kind === 'vault' ? `The request URI contains an invalid name: ${name}` : 'Invalid key identifier or name',
  )
}

function importKey(store: KeyStore, name: string, body: Body): KeyVersion {
  const jwk = body['key'] as JsonWebKeyBody | undefined // whatever it is: the store checks it
  const terms = { ...termsOf(body), keyOps: strings(jwk?.['key_ops']), hsm: body['Hsm'] === true }
  return store.import(name, jwk, terms)
}

function termsOf(body: Body): KeyTerms {
  const { attributes, tags } = body as Pick<KeyTerms, 'attributes' | 'tags'> // as the client typed them
  return { keyOps: strings(body['key_ops']), attributes, tags }
}

function strings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined
}

/** What is not named stays as it is. */
function update(store: KeyStore, found: KeyVersion, body: Body): KeyVersion {
  const { keyOps, attributes, tags } = termsOf(body)
  if (keyOps !== undefined) found.keyOps = keyOps
  if (attributes?.enabled !== undefined) found.enabled = attributes.enabled
  if (attributes?.nbf !== undefined) found.nbf = attributes.nbf
  if (attributes?.exp !== undefined) found.exp = attributes.exp
  if (tags !== undefined) found.tags = tags
  found.updated = store.seconds()
  return found
}

interface CryptographicRequest extends KeyRequest {
  readonly operation: 'wrapKey' | 'unwrapKey' | 'encrypt' | 'decrypt'
}

function operate(store: KeyStore, baseUrl: string, request: CryptographicRequest, body: Body): unknown {
  const { operation, name } = request
  const parameters = parametersOf(body)
  const found = store.version(name, request.version)
  demandUsable(store, found, operation)
  const kid = `${baseUrl}/keys/${name}/${found.version}`
  const answer = { kid, ...(store.kind === 'managed-hsm' ? { alg: parameters.alg } : {}) }
  if (operation === 'unwrapKey' || operation === 'decrypt') {
    return { ...answer, value: openWith(found.material, parameters).toString('base64url') }
  }
  if (parameters.iv !== undefined) throw incorrect() // the service draws it
  const sealed = Object.entries(sealWith(found.material, parameters))
  return { ...answer, ...Object.fromEntries(sealed.map(([field, bytes]) => [field, bytes.toString('base64url')])) }
}

function parametersOf(body: Body): Parameters {
  const { alg } = body
  if (typeof alg !== 'string') throw badParameter("Property 'alg' is required.\r\n")
  const optional = ['iv', 'tag', 'aad'].flatMap((field) =>
    body[field] === undefined ? [] : [[field, base64url(field, body[field])] as const],
  )
  return { alg, value: base64url('value', body['value']), ...Object.fromEntries(optional) }
}

function base64url(field: string, text: unknown): Buffer {
  if (typeof text !== 'string' || text === '') throw badParameter(`Property '${field}' is required.\r\n`)
  if (/^[\w-]*$/.test(text)) return Buffer.from(text, 'base64url')
  throw badParameter(`Content of '${field}' is not base64url.\r\nProperty '${field}' is required.\r\n`)
}

/** A key out of its time still opens. Source: "About keys", date-time controlled operations */
function demandUsable(store: KeyStore, found: KeyVersion, operation: CryptographicRequest['operation']): void {
  const now = store.seconds()
  const seals = operation === 'wrapKey' || operation === 'encrypt'
  if (!found.enabled) throw forbidden(`Operation ${operation} is not allowed on a disabled key.`, 'KeyDisabled')
  if (seals && found.exp !== undefined && now >= found.exp) {
    throw forbidden(`Operation ${operation} is not allowed on an expired key.`, 'KeyExpired')
  }
  if (seals && found.nbf !== undefined && now < found.nbf) {
    throw forbidden(`Operation ${operation} is not allowed on a key that is not yet valid.`, 'KeyNotYetValid')
  }
  if (!found.keyOps.includes(operation)) {
    throw forbidden(`Operation ${operation} is not permitted on this key.`, 'KeyOperationForbidden')
  }
}

function current({ versions }: StoredKey): KeyVersion {
  const found = versions.at(-1)
  if (found === undefined) throw new Error('a key has a version')
  return found
}

function keyBundle(kid: string, found: KeyVersion): Readonly<Record<string, unknown>> {
  const { material, keyOps, enabled, nbf, exp, created, updated, tags } = found
  return {
    key: { kid, kty: material.kty, key_ops: keyOps, ...publicJwk(material) },
    attributes: {
      enabled,
      nbf, // JSON leaves out what is undefined
      exp,
      created,
      updated,
      recoveryLevel: 'CustomizedRecoverable+Purgeable',
      recoverableDays: 7,
      exportable: false,
    },
    tags,
  }
}

function deletedBundle(baseUrl: string, key: StoredKey): unknown {
  const found = current(key)
  const deletedDate = key.deletedAt ?? 0
  return {
    recoveryId: `${baseUrl}/deletedkeys/${key.name}`,
    deletedDate,
    scheduledPurgeDate: deletedDate + 7 * 86_400,
    ...keyBundle(`${baseUrl}/keys/${key.name}/${found.version}`, found),
  }
}
