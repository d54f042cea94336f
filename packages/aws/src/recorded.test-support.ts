/*
 * What the real AWS KMS answered, as the folder `KEYFOLD_RECORDINGS` has it: in the forms of three projects, read into one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface RecordedAnswer {
  /** The entry's name and the step's. */
  readonly name: string
  readonly operation: string
  readonly status: number
  /** Undefined for a success. */
  readonly code: string | undefined
  /** As it is on the wire. */
  readonly body: Readonly<Record<string, unknown>>
}

type Json = Readonly<Record<string, unknown>>

interface Entry {
  readonly name: string
  readonly steps?: Readonly<Record<string, Json>>
  readonly operations?: Readonly<Record<string, string>>
  readonly exchanges?: readonly {
    readonly request: { readonly operation: string }
    readonly response: { status: number; body: Json }
  }[]
}

const folder = process.env['KEYFOLD_RECORDINGS']
export const recordingsMissing: string | undefined =
  folder === undefined ? 'KEYFOLD_RECORDINGS is not set: it names the folder of recorded answers' : undefined

/** None where there are no recordings. */
export function recordedAnswers(): readonly RecordedAnswer[] {
  if (folder === undefined) return []
  const path = join(folder, 'aws', 'kms.json')
  if (!existsSync(path)) throw new Error('KEYFOLD_RECORDINGS names a folder without aws/kms.json')
  const entries: readonly Entry[] = JSON.parse(readFileSync(path, 'utf8'))
  return entries.flatMap((entry) => [...stepsOf(entry), ...exchangesOf(entry)])
}

function stepsOf({ name, steps = {}, operations = {} }: Entry): readonly RecordedAnswer[] {
  return Object.entries(steps).map(([step, { ResponseMetadata, ...answer }]) => {
    // Some steps kept a part of a successful answer alone.
    const { HTTPStatusCode: status } = (ResponseMetadata ?? { HTTPStatusCode: 200 }) as {
      readonly HTTPStatusCode: number
    } // as boto3 has it
    return { name: `${name} / ${step}`, operation: operations[step] ?? '', status, ...onTheWire(answer) }
  })
}

function exchangesOf({ name, exchanges = [] }: Entry): readonly RecordedAnswer[] {
  return exchanges.map(({ request, response: { status, body } }, index) => {
    const operation = request.operation.replace(/^(TrentService|kms)\./, '')
    return { name: `${name} / ${index}`, operation, status, ...onTheWire(body) }
  })
}

/** The recorders of two projects read the error out of its envelope. */
function onTheWire(body: Json): { readonly code: string | undefined; readonly body: Json } {
  if (typeof body['__type'] === 'string') return { code: body['__type'], body }
  const error = body['Error'] as { readonly Code: string; readonly Message: string } | undefined // as boto3 has it
  if (error === undefined) return { code: undefined, body }
  return { code: error.Code, body: { __type: error.Code, ...(error.Message === '' ? {} : { message: error.Message }) } }
}
