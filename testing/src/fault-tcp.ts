import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Fault, type FaultPlan, flipBit } from './faults.ts'

/**
 * A proxy for bytes, of whatever protocol. A fault befalls a connection when its client next sends something, and stays
 * with it; so a connection that was sound can be broken later.
 */
export function createTcpFaults(target: URL, plan: FaultPlan): Server {
  return createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).once('close', end)
    upstream.on('error', end)
    pass(client, upstream, plan).catch(end)
  })
}

async function pass(client: Socket, upstream: Socket, plan: FaultPlan): Promise<void> {
  let fault: Fault | undefined
  let answered = 0
  upstream.once('end', () => client.end())
  upstream.on('data', (piece: Buffer) => {
    const start = answered
    answered += piece.length
    if (fault?.kind === 'flipped-bit') client.write(flipBit(piece, (fault.at ?? start) - start))
    else if (fault?.kind !== 'truncated') client.write(piece)
    else if (answered < keptOf(fault, piece)) client.write(piece)
    else client.end(piece.subarray(0, keptOf(fault, piece) - start))
  })
  for await (const piece of client) {
    // What a socket without an encoding gives.
    const body = piece as Buffer
    const request = { method: '', path: '', headers: {}, body }
    plan.requests.push(request)
    const next = plan.take(request)
    if (next !== undefined) answered = 0
    fault = next ?? fault
    if (fault?.kind === 'reset') client.resetAndDestroy()
    if (fault?.kind === 'black-hole' || fault?.kind === 'reset') continue
    if (fault?.kind === 'latency') await wait(fault.ms)
    upstream.write(body)
  }
  upstream.end()
}

function keptOf({ keptBytes }: { readonly keptBytes?: number }, piece: Uint8Array): number {
  return keptBytes ?? piece.length >> 1
}
