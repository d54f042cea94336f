import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerKeyRequest } from './key-api.ts'
import { demandRotation } from './key-rotation.ts'
import { type KeyOperation, routeKeyRequest } from './key-route.ts'
import type { KeyStore } from './key-store.ts'
import { type Answer, RequestLog, refusalOf, send } from './requests.ts'
import { badParameter, forbidden, Refusal } from './service-error.ts'

/** The inner codes with which a caller is told that a right is missing. */
export type DenialCode = 'ForbiddenByRbac' | 'ForbiddenByPolicy' | 'ForbiddenByFirewall' | 'AccessDenied'

/** One service of two, as its clients meet it: what it holds, who may do what, and what came. */
export class Service {
  readonly keys: KeyStore
  readonly log: RequestLog = new RequestLog()
  /** Tokens that it takes. */
  readonly tokens: Set<string> = new Set(['test-token'])
  readonly #denied = new Map<string, DenialCode>()
  /** Where it listens; what its identifiers begin with. */
  baseUrl = ''

  constructor(keys: KeyStore) {
    this.keys = keys
  }

  /** Takes rights away from whoever comes with the token; it is one that the service knows. */
  deny(operations: readonly KeyOperation[], code: DenialCode = 'ForbiddenByRbac', token = 'test-token'): void {
    this.tokens.add(token)
    for (const operation of operations) this.#denied.set(`${token} ${operation}`, code)
  }

  /** Gives all rights back, and forgets faults, tokens of tests and what came. */
  reset(): void {
    this.#denied.clear()
    this.tokens.clear()
    this.tokens.add('test-token')
    this.log.reset()
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const token = request.headers.authorization?.replace(/^Bearer /, '')
    const fault = this.log.see({ method, path: url, token })
    const text = await bodyOf(request)
    await send(response, this.#answer(method, url, token, text), fault)
  }

  #answer(method: string, url: string, token: string | undefined, text: string): Answer {
    if (token === undefined || !this.tokens.has(token)) return challenge(this.keys.kind, token !== undefined)
    try {
      return this.#authorized(method, url, token, text)
    } catch (error) {
      if (error instanceof Refusal) return refusalOf(error.error)
      throw error
    }
  }

  #authorized(method: string, url: string, token: string, text: string): Answer {
    const [path = '', query] = url.split('?')
    const apiVersion = demandApiVersion(query)
    const request = routeKeyRequest(method, path)
    if (request === undefined) return { status: 405, body: { error: { code: 'BadParameter', message: 'HTTP method' } } }
    const denial = this.#denied.get(`${token} ${request.operation}`)
    if (denial !== undefined) throw forbidden('Caller is not authorized to perform action on resource.', denial)
    demandRotation(this.keys, request.operation, apiVersion)
    const body = answerKeyRequest(this.keys, this.baseUrl, request, parsed(text))
    return body === undefined ? { status: 204 } : { status: 200, body }
  }
}

/** Without a token, a vault says so in a body, and a managed HSM in none. */
function challenge(kind: KeyStore['kind'], hadToken: boolean): Answer {
  const resource = kind === 'vault' ? 'https://vault.azure.net' : 'https://managedhsm.azure.net'
  const authority = 'https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000'
  const headers = { 'www-authenticate': `Bearer authorization="${authority}", resource="${resource}"` }
  if (kind === 'managed-hsm') return { status: 401, headers, body: hadToken ? 'OK' : undefined }
  const message = hadToken
    ? 'AKV10000: Request has an invalid Bearer or PoP token.'
    : 'AKV10000: Request is missing a Bearer or PoP token.'
  return { status: 401, headers, body: { error: { code: 'Unauthorized', message } } }
}

function demandApiVersion(query = ''): string {
  const version = new URLSearchParams(query).get('api-version')
  if (version === null) throw badParameter('api-version must be specified')
  if (/^(7\.[0-6](-preview\.\d)?|20\d\d-\d\d-\d\d)$/.test(version)) return version
  throw badParameter(`The specified version (${version}) is not recognized.`)
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {}
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null) return { ...body }
  } catch {
    // refused below, as what is no object is
  }
  throw badParameter('The request body is no JSON object.')
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
