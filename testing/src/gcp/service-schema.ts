import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'

const require = createRequire(import.meta.url)

/** One method of a service: its messages, and its addresses in REST. */
export interface SchemaMethod {
  readonly name: string
  readonly path: string
  readonly request: protobuf.Type
  readonly response: protobuf.Type
  /** google.api.http, in proto3 JSON. */
  readonly http: HttpRule
}

export interface HttpRule {
  readonly get?: string
  readonly post?: string
  readonly patch?: string
  readonly body?: string
}

/** A service as the client's own package describes it, so that nothing is copied by hand. */
export function loadService(protosJson: string, serviceName: string): readonly SchemaMethod[] {
  const root = protobuf.Root.fromJSON(require(protosJson))
  const service = root.lookupService(serviceName).resolveAll()
  if (!(service instanceof protobuf.Service)) throw new Error(`${serviceName} is no service`)
  return service.methodsArray.map((method) => {
    method.resolve()
    const { resolvedRequestType: request, resolvedResponseType: response } = method
    if (request === null || response === null) throw new Error(`${method.name}: its messages are missing`)
    return { name: method.name, path: `/${serviceName}/${method.name}`, request, response, http: httpRule(method) }
  })
}

function httpRule(method: protobuf.Method): HttpRule {
  const options: readonly Readonly<Record<string, HttpRule>>[] = method.parsedOptions ?? []
  return options.find((option) => '(google.api.http)' in option)?.['(google.api.http)'] ?? {}
}

/** google.rpc.Status and its details, which travel in a trailer of gRPC. */
export function loadErrorTypes(): protobuf.Root {
  // It is not among the package's exports; the file lies beside its entry.
  const file = join(dirname(require.resolve('google-gax')), '..', 'protos', 'status.json')
  return protobuf.Root.fromJSON(JSON.parse(readFileSync(file, 'utf8')))
}

/** How a decoded message is handed to an operation. */
export const plainObject: protobuf.IConversionOptions = { longs: String, enums: String }
