/* A real server with the Transit engine, and keys of every kind in it. */
import type { Clock, KeyContext } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { type OpenBao, startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { usualTryMs } from './retry.ts'

export const server = await availableServer(openBao)

/** What each kind of key is made with. */
export const KINDS = {
  derived: { derived: true },
  aad: { type: 'aes256-gcm96' },
  chacha: { type: 'chacha20-poly1305' },
  rsa: { type: 'rsa-2048' },
} as const

export async function startTransit(mount = 'transit'): Promise<OpenBao> {
  if (server.state === 'skipped') throw new Error(server.line)
  const bao = await startOpenBao(server)
  await bao.call('POST', `sys/mounts/${mount}`, { body: { type: 'transit' } })
  for (const [name, body] of Object.entries(KINDS)) {
    await bao.call('POST', `${mount}/keys/${name}`, { body })
    await bao.call('POST', `${mount}/keys/${name}-other`, { body })
  }
  return bao
}

/** A token of a policy that allows this and, but for Transit's own, nothing else. */
export async function tokenFor(bao: OpenBao, policy: string, name = `policy-${crypto.randomUUID()}`): Promise<string> {
  await bao.call('PUT', `sys/policies/acl/${name}`, { body: { policy } })
  const answer = await bao.call('POST', 'auth/token/create', { body: { policies: [name] } })
  if (answer?.auth == null) throw new Error('no token')
  return answer.auth.client_token
}

/** Waits are over at once, and counted; a try has the time that it is given. */
export function hurriedClock(tryMs: number = usualTryMs): Clock & { readonly waits: readonly number[] } {
  const waits: number[] = []
  return {
    waits,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    schedule(delayMs, callback) {
      if (delayMs === tryMs) {
        const limit = setTimeout(callback, tryMs)
        return () => clearTimeout(limit)
      }
      waits.push(delayMs)
      const timer = setImmediate(callback)
      return () => clearImmediate(timer)
    },
  }
}

export const call = { signal: new AbortController().signal }

/** The context of a call, and bytes that stand for its serialization. */
export function contextOf(text: string): KeyContext {
  return { context: Object.freeze({ about: text }), contextBytes: new TextEncoder().encode(text) }
}

/** The code that something fails with. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof work === 'function' ? work() : work)
    return 'no failure'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
