import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { type RunningProcess, startProcess } from './running-process.ts'

/** A server of Vault's interface, in memory and unsealed. */
export interface OpenBao extends AsyncDisposable {
  readonly url: string
  /** Of root, who may do everything. */
  readonly token: string
  /** With `tls`: the authority of its certificate, in PEM, and the file that holds it. */
  readonly ca?: { readonly pem: string; readonly path: string }
  /** What `sys/unseal` asks for after `sys/seal`. */
  readonly unsealKey: string
  /**
   * One request, for setting a test up.
   *
   * @param path below `/v1/`
   * @returns the answer's body; undefined where it has none
   * @throws Error for any status but 2xx
   */
  call(method: string, path: string, options?: OpenBaoCall): Promise<OpenBaoAnswer | undefined>
  /** Ends it. Rejects when it died before that. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface OpenBaoCall {
  readonly body?: object
  /** Root's, if not said. */
  readonly token?: string
  readonly namespace?: string
}

/** What its answers have in common. */
export interface OpenBaoAnswer {
  readonly data: Readonly<Record<string, unknown>> | null
  readonly auth: { readonly client_token: string } | null
}

export interface OpenBaoOptions {
  /** As the resolver returns it. */
  readonly executable: string
  readonly tls?: boolean
  readonly startTimeoutMs?: number
}

const TOKEN = 'root'

/** Starts OpenBao in its development mode on a free port of 127.0.0.1. It ends with its disposal, and with this process. */
export async function startOpenBao({
  executable,
  tls = false,
  startTimeoutMs = 30_000,
}: OpenBaoOptions): Promise<OpenBao> {
  const home = await mkdtemp(join(tmpdir(), 'keyfold-openbao-'))
  const port = await freePair()
  const args = ['server', '-dev', `-dev-root-token-id=${TOKEN}`, `-dev-listen-address=127.0.0.1:${port}`]
  args.push('-dev-no-store-token', ...(tls ? ['-dev-tls', `-dev-tls-cert-dir=${home}`] : []))
  const child = await spawnTied(executable, args, home)
  const end = async (): Promise<void> => {
    try {
      await child[Symbol.asyncDispose]()
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  }
  try {
    const signal = AbortSignal.timeout(startTimeoutMs)
    const unsealKey = await Promise.race([unsealKeyOf(child, signal), child.failed])
    const ca = tls ? await authority(home) : undefined
    const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
    const call: OpenBao['call'] = (method, path, options = {}) => send(`${url}/v1/${path}`, ca?.pem, method, options)
    await Promise.race([ready(call, signal), child.failed])
    return { url, token: TOKEN, unsealKey, call, ...(ca && { ca }), [Symbol.asyncDispose]: end }
  } catch (error) {
    // The first error says why; what the disposal of a dead process adds is the same death again.
    await end().catch(() => undefined)
    throw error
  }
}

// The server does not read its standard input, so that a shell does for it: at its end, which comes with this process's, the
// server is killed. The shell ends as the server does. Nothing is lost: all of it is in memory.
const TIE = 'exec 3<&0; "$0" "$@" </dev/null & pid=$!; (cat <&3; kill -9 $pid) >/dev/null 2>&1 & wait $pid'

function spawnTied(executable: string, args: readonly string[], home: string): Promise<RunningProcess> {
  const { PATH } = process.env
  // Nothing else of the environment: VAULT_… and BAO_… would change what it does.
  return startProcess({
    name: 'openbao',
    command: 'sh',
    args: ['-c', TIE, executable, ...args],
    env: { PATH, HOME: home },
  })
}

async function unsealKeyOf({ output }: RunningProcess, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: output, signal })
  for await (const line of lines) {
    const [, key] = /^Unseal Key: (\S+)$/.exec(line) ?? []
    if (key === undefined) continue
    // What it logs later has to go somewhere.
    output.resume()
    return key
  }
  throw new Error('openbao: no unseal key in its output')
}

async function authority(folder: string): Promise<{ readonly pem: string; readonly path: string }> {
  const path = join(folder, 'vault-ca.pem')
  return { pem: await readFile(path, 'utf8'), path }
}

async function ready(call: OpenBao['call'], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const well = await call('GET', 'sys/health').then(
      () => true,
      () => false,
    )
    if (well) return
    await wait(20)
  }
  throw new Error('openbao: not ready in time')
}

async function send(
  url: string,
  ca: string | undefined,
  method: string,
  { body, token = TOKEN, namespace }: OpenBaoCall,
): Promise<OpenBaoAnswer | undefined> {
  const headers = { 'x-vault-token': token, ...(namespace !== undefined && { 'x-vault-namespace': namespace }) }
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const { status, text } = await (ca === undefined ? overHttp : overTls)(url, { method, headers, sent, ca })
  if (status < 200 || status > 299) throw new Error(`openbao: ${method} ${new URL(url).pathname}: ${status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

interface Sent {
  readonly method: string
  readonly headers: Record<string, string>
  readonly sent: string | undefined
  readonly ca: string | undefined
}

async function overHttp(url: string, { method, headers, sent }: Sent): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { method, headers, ...(sent !== undefined && { body: sent }) })
  return { status: response.status, text: await response.text() }
}

async function overTls(url: string, { method, headers, sent, ca }: Sent): Promise<{ status: number; text: string }> {
  const outgoing = request(url, { method, headers, ca, agent: false }).end(sent)
  const [incoming] = await once(outgoing, 'response')
  let text = ''
  for await (const piece of incoming.setEncoding('utf8')) text += piece
  return { status: incoming.statusCode, text }
}

/** A port whose successor is free too: the server takes both. */
async function freePair(): Promise<number> {
  for (;;) {
    await using first = createServer().listen(0, '127.0.0.1')
    await once(first, 'listening')
    const address = first.address()
    if (address === null || typeof address === 'string') throw new Error('openbao: no port')
    await using second = createServer().listen(address.port + 1, '127.0.0.1')
    const free = await once(second, 'listening').then(
      () => true,
      () => false,
    )
    if (free) return address.port
  }
}
