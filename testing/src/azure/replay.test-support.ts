/*
 * Plays a recorded scenario to our server. Versions, ciphertexts, ivs and tags are its own, so those that a recorded answer
 * gave are exchanged for ours wherever a later request names them.
 */
import { request } from 'node:https'
import type { KeyStore } from './key-store.ts'
import type { KeyVaultServer } from './key-vault.ts'
import { type Exchange, field, type Scenario } from './recordings.ts'

export interface Played {
  readonly exchange: Required<Exchange>
  /** The recorded answer, with our names for what the service named. */
  readonly expected: unknown
  readonly status: number
  readonly body: unknown
}

export async function play(server: KeyVaultServer, scenario: Scenario): Promise<readonly Played[]> {
  const { service, exchanges } = scenario
  const baseUrl = service === 'vault' ? server.vaultUrl : server.hsmUrl
  prepare(service === 'vault' ? server.model.vault.keys : server.model.hsm.keys, scenario)
  const ours = new Map<string, string>()
  const translated = (text: string): string =>
    [...ours].reduce((result, [recorded, own]) => result.replaceAll(recorded, own), text)
  const played: Played[] = []
  for (const exchange of exchanges) {
    if (exchange.request === undefined) throw new Error('a recorded exchange has a request')
    const { method, authorized } = exchange.request
    const body = exchange.request.body ?? bodyNotRecorded(exchange)
    const path = withApiVersion(translated(exchange.request.path))
    const sent = body === undefined ? undefined : translated(JSON.stringify(body))
    const answer = await ask(`${baseUrl}${path}`, { method, authorized, body: sent, ca: server.ca })
    learn(ours, exchange.response.body, answer.body, opens(path) ? [] : ['value', 'iv', 'tag'])
    const expected: unknown = JSON.parse(translated(JSON.stringify(exchange.response.body ?? null)))
    played.push({ exchange: { ...exchange, request: exchange.request }, expected, ...answer })
  }
  return played
}

/** Where the recorder dropped the query, the service had one. */
function withApiVersion(path: string): string {
  return path.includes('api-version=') ? path : `${path.split('?')[0]}?api-version=7.4`
}

/** What the service chose, and what we chose in its place. */
function learn(ours: Map<string, string>, recorded: unknown, own: unknown, fields: readonly string[]): void {
  const pairs: [unknown, unknown][] = fields.map((name) => [field(recorded, name), field(own, name)])
  pairs.push([versionIn(recorded), versionIn(own)], ['https://vault.example', baseIn(own)])
  for (const [theirs, mine] of pairs) {
    if (typeof theirs === 'string' && typeof mine === 'string' && theirs.length > 8) ours.set(theirs, mine)
  }
}

/** What was unwrapped must be the very bytes that were wrapped: nothing is ours to choose there. */
export function opens(path: string): boolean {
  return /\/(unwrapkey|decrypt)\?/i.test(path)
}

/** Some recorders kept no bodies: the answer says what was asked for. */
function bodyNotRecorded({ request, response }: Exchange): unknown {
  if (request?.authorized !== true || !request.path.includes('/create')) return undefined
  const key = field(response.body, 'key')
  return { kty: field(key, 'kty') ?? 'RSA', key_ops: field(key, 'key_ops') }
}

/** What was there before the recording began: keys that it does not make, and versions that no answer of it names. */
function prepare(keys: KeyStore, { exchanges }: Scenario): void {
  const polls = exchanges.some(({ request, response }, at) => {
    const next = exchanges[at + 1]
    return response.status === 404 && next?.request?.path === request?.path && next?.response.status === 200
  })
  const beingDeleted = JSON.stringify(exchanges).includes('ObjectIsBeingDeleted')
  keys.transitionReads = polls || beingDeleted ? 1 : 0
  const made = new Set<string>()
  for (const { request, response } of exchanges.filter((one) => one.request?.authorized)) {
    const [, name = '', version] = /^\/+keys\/([^/?]+)\/*([0-9a-f]{32})?/.exec(request?.path ?? '') ?? []
    const makes = request?.method === 'PUT' || request?.path.includes('/create')
    if (name !== '' && !makes && !made.has(name) && [200, 400].includes(response.status)) {
      keys.create(name, { kty: 'RSA' })
    } else if (version !== undefined && !made.has(version)) keys.create(name, { kty: 'RSA' }, { version })
    made.add(name).add(versionIn(response.body) ?? '')
  }
}

function kidOf(body: unknown): string {
  const kid = field(body, 'kid') ?? field(field(body, 'key'), 'kid')
  return typeof kid === 'string' ? kid : ''
}

const versionIn = (body: unknown): string | undefined => /\/([0-9a-f]{32})$/.exec(kidOf(body))?.[1]
const baseIn = (body: unknown): string | undefined => /^https:\/\/[^/]+/.exec(kidOf(body))?.[0]

interface Asked {
  readonly method: string
  readonly authorized: boolean
  readonly body: string | undefined
  readonly ca: string
}

/** By hand and not with `fetch`, which would tidy the paths up. */
function ask(url: string, { method, authorized, body, ca }: Asked): Promise<{ status: number; body: unknown }> {
  const { hostname, port, origin } = new URL(url)
  const headers = authorized ? { authorization: 'Bearer test-token' } : {}
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: url.slice(origin.length), method, headers, ca }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const json = text.startsWith('{')
        resolve({ status: response.statusCode ?? 0, body: json ? JSON.parse(text) : text })
      })
    })
    sent.on('error', reject)
    sent.end(authorized ? body : undefined)
  })
}
