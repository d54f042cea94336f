import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { fromProto3JSON, toProto3JSON } from 'proto3-json-serializer'
import type { CloudKms } from './cloud-kms.ts'
import type { VersionState } from './cloud-kms-model.ts'
import type { JsonObject, RecordedExchange } from './recorded-exchange.ts'
import { statusOf } from './rpc-error.ts'
import { loadService } from './service-schema.ts'

/** What our server said, in the form of a recording. */
export type Replayed = RecordedExchange['response']

const methods = loadService('@google-cloud/kms/build/protos/protos.json', 'google.cloud.kms.v1.KeyManagementService')

/** Sends a recorded gRPC request to our server. */
export async function replayGrpc({ address }: CloudKms, path: string, body: JsonObject): Promise<Replayed> {
  const method = methods.find((one) => one.path === path)
  if (method === undefined) throw new Error(`${path}: no such method`)
  const request = fromProto3JSON(method.request, body as Parameters<typeof fromProto3JSON>[1]) // read from JSON
  const client = new Client(address, credentials.createInsecure())
  const { promise, resolve } = Promise.withResolvers<Replayed>()
  client.makeUnaryRequest(
    path,
    () => Buffer.from(method.request.encode(request ?? {}).finish()),
    (bytes) => toProto3JSON(method.response.decode(bytes) as unknown as Parameters<typeof toProto3JSON>[0]),
    null,
    (error, answer) =>
      resolve(error === null ? { code: 0, body: withoutDefaults(answer as JsonObject) } : errorOf(error)),
  )
  const answer = await promise
  client.close()
  return answer
}

function errorOf({ code, details }: ServiceError): Replayed {
  return { error: { code, status: statusOf(code), message: details } }
}

/** Recordings leave a field out that has its default; the serializer shows a false that came over the wire. */
function withoutDefaults(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== false))
}

/** Sends a recorded HTTP request to our server. */
export async function replayRest(
  { restUrl }: CloudKms,
  { method, url = '', body }: RecordedExchange['request'],
): Promise<Replayed> {
  const response = await fetch(url.replace('https://cloudkms.googleapis.com', restUrl), {
    method,
    ...(body && { body: JSON.stringify(body) }),
  })
  const { error, ...json } = (await response.json()) as { error?: NonNullable<Replayed['error']> } & JsonObject
  return { status: response.status, ...(error === undefined ? { body: json } : { error }) }
}

/** Whether the method is one that our server serves, by its address. */
export function isServed(url: string): boolean {
  return !/importJobs|IamPolicy|\/locations(\/[^/]+)?\?/.test(url)
}

const someKey = 'projects/example-project/locations/global/keyRings/test/cryptoKeys/some'

/** One recording tells the operation and the answer alone: its request is made up, and meant to be refused alike. */
export function addressed({ request, response }: RecordedExchange): RecordedExchange {
  if (request.operation !== 'Decrypt') return { request, response }
  const url = `https://cloudkms.googleapis.com/v1/${someKey}:decrypt`
  return { request: { ...request, url, body: { ciphertext: 'bWFsZm9ybWVk' } }, response }
}

/** Makes what a recording begins with: every ring and key that it reads and does not create. */
export function seed({ model }: CloudKms, exchanges: readonly RecordedExchange[]): void {
  const created = new Set<string>()
  if (exchanges.some(({ request }) => request.url?.includes(someKey))) model.createKey(someKey)
  for (const { request, response } of exchanges) {
    const body = response.body ?? {}
    if (request.method === 'POST') created.add(String(body['name']))
    const shown = [body, ...[body['cryptoKeys'], body['keyRings']].flat()].filter((one) => one !== undefined)
    for (const one of shown as ShownKey[]) {
      // as the service shows them
      if (one.name === undefined || created.has(one.name) || model.keys.has(one.name)) continue
      const keyName = /^.*\/cryptoKeys\/[^/]+$/.exec(one.name)?.[0]
      if (keyName !== undefined) seedKey(model, one)
      else if (/\/keyRings\/[^/]+$/.test(one.name)) model.createKeyRing(one.name)
    }
  }
}

interface ShownKey {
  readonly name?: string
  readonly purpose?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly rotationPeriod?: string
  readonly primary?: { readonly name: string; readonly state: VersionState }
}

function seedKey(model: CloudKms['model'], { name = '', labels, rotationPeriod, primary }: ShownKey): void {
  const versions = Number(primary?.name.split('/').at(-1) ?? 1)
  const rotationPeriodSeconds = rotationPeriod === undefined ? undefined : Number.parseInt(rotationPeriod, 10)
  model.createKey(name, {
    versions,
    ...(labels && { labels }),
    ...(rotationPeriodSeconds !== undefined && { rotationPeriodSeconds }),
  })
  if (primary !== undefined) model.setState(name, versions, primary.state)
}
