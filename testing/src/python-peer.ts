import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { DecryptRequest, DecryptResult, EncryptionContext, EncryptRequest, Peer } from './peer.ts'
import { PeerError } from './peer.ts'
import type { RunningProcess } from './running-process.ts'
import { startProcess } from './running-process.ts'

export interface PythonPeerOptions {
  /** The interpreter of an environment that has the SDK, as the resolver returns it. */
  readonly executable: string
  /** For one answer, and for the start. */
  readonly timeoutMs?: number
  /** Another program that speaks the same protocol: the tests of this file give broken ones. */
  readonly script?: string
}

const SCRIPT = fileURLToPath(new URL('../peers/python/peer.py', import.meta.url))

/** Starts AWS's Python SDK as a peer. Dispose of it to end its process. */
export async function startPythonPeer(options: PythonPeerOptions): Promise<Peer> {
  const { executable, timeoutMs = 30_000, script = SCRIPT } = options
  // -I: neither PYTHONPATH nor the user's own packages may change which SDK answers.
  const child = await startProcess({ name: 'python peer', command: executable, args: ['-I', script] })
  const call = connect(child, timeoutMs)
  try {
    const versions = await call('versions', {})
    return peer(`aws-encryption-sdk ${text(versions, 'aws-encryption-sdk')} (Python)`, call, child)
  } catch (error) {
    // The first error says why; what the disposal of a dead process adds is the same death again.
    await child[Symbol.asyncDispose]().catch(() => undefined)
    throw error
  }
}

function peer(name: string, call: Call, child: RunningProcess): Peer {
  return {
    name,
    supports: (feature) => feature === 'writes-unframed' || feature === 'withheld-context',
    async encrypt(request: EncryptRequest): Promise<Uint8Array> {
      const answer = await call('encrypt', { ...request, plaintext: base64(request.plaintext) })
      return bytes(text(answer, 'ciphertext'))
    },
    async decrypt(request: DecryptRequest): Promise<DecryptResult> {
      const answer = await call('decrypt', { ...request, ciphertext: base64(request.ciphertext) })
      // The peer's own program wrote it from a dict of strings.
      const context = answer['context'] as EncryptionContext
      return { plaintext: bytes(text(answer, 'plaintext')), context }
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

type Answer = Readonly<Record<string, unknown>>
type Call = (operation: string, parameters: object) => Promise<Answer>
type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }

/** Requests and answers over the two pipes, matched by id: one JSON object a line. */
function connect(child: RunningProcess, timeoutMs: number): Call {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let broken: Error | undefined

  function breakOff(error: Error): void {
    broken ??= error
    for (const { reject } of waiting.values()) reject(broken)
    waiting.clear()
  }

  child.failed.catch((error: Error) => breakOff(new PeerError(error.message, { type: 'ProcessDied' })))
  createInterface({ input: child.output, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    const answer = parseAnswer(line)
    const asked = answer === undefined ? undefined : waiting.get(Number(answer['id']))
    if (answer === undefined || asked === undefined) {
      breakOff(new PeerError(`an answer to no request: ${line.slice(0, 200)}`, { type: 'Protocol' }))
      return
    }
    waiting.delete(Number(answer['id']))
    const refusal = answer['error'] as { type: string; message: string } | undefined // peer.py writes nothing else here
    if (refusal === undefined) asked.resolve(answer)
    else asked.reject(new PeerError(refusal.message, { type: refusal.type }))
  })

  return (operation, parameters) => {
    if (broken !== undefined) return Promise.reject(broken)
    const id = ++lastId
    return new Promise<Answer>((resolve, reject) => {
      // One stuck answer blocks all behind it, so it breaks the whole connection.
      const timer = setTimeout(
        () => breakOff(new PeerError(`no answer in ${timeoutMs} ms`, { type: 'Timeout' })),
        timeoutMs,
      )
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer)
          how(value)
        }
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) })
      child.input.write(`${JSON.stringify({ ...parameters, id, operation })}\n`)
    })
  }
}

function parseAnswer(line: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined // narrowed just here
  } catch {
    return undefined
  }
}

function text(answer: Answer, field: string): string {
  const value = answer[field]
  if (typeof value !== 'string') throw new PeerError(`the answer's ${field} is not text`, { type: 'Protocol' })
  return value
}

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

function bytes(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value, 'base64'))
}
