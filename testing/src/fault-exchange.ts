import { setTimeout as wait } from 'node:timers/promises'
import { type FaultPlan, flipBit, type ProxiedRequest } from './faults.ts'

/** An answer, held whole. */
export interface HeldAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Uint8Array
  /** gRPC's status comes in these. */
  readonly trailers?: Readonly<Record<string, string | string[]>>
}

/** One request in the proxy's hands, of either version of HTTP. */
export interface Exchange {
  readonly request: ProxiedRequest
  /** Asks the target. */
  forward(): Promise<HeldAnswer>
  answer(answer: HeldAnswer): void
  /** The headers and this many bytes of the body, then a break. */
  answerPart(answer: HeldAnswer, keptBytes: number): void
  reset(): void
}

/** Lets a request through, or does to it what the plan says. */
export async function exchange(
  plan: FaultPlan,
  { request, forward, answer, answerPart, reset }: Exchange,
): Promise<void> {
  plan.requests.push(request)
  const fault = plan.take(request)
  switch (fault?.kind) {
    case 'black-hole':
      return
    case 'reset':
      return reset()
    case 'status':
      return answer({ status: fault.status, headers: fault.headers ?? {}, body: Buffer.from(fault.body ?? '') })
    case 'truncated': {
      const whole = await forward()
      return answerPart(whole, fault.keptBytes ?? whole.body.length >> 1)
    }
    case 'flipped-bit': {
      const sound = await forward()
      return answer({ ...sound, body: flipBit(sound.body, fault.at) })
    }
    case 'latency':
      await wait(fault.ms)
  }
  answer(await forward())
}

/** All of a body. */
export async function bodyOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Headers as a test looks at them: one text each. */
export function plainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
