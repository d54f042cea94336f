import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { type Attempt, KeyfoldError } from '../errors.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { settled, setUp, times } from './fixtures.test-support.ts'

const unavailable = new KeyfoldError('UNAVAILABLE', 'down')
const forged = new KeyfoldError('AUTHENTICATION_FAILED', 'forged')

describe('a load', () => {
  test('is one for a thousand who want the same at once', async () => {
    const { use, keys } = setUp({}, 'waits')
    const waiting = times(1000, () => use())
    expect(keys.loads.length).toBe(1)
    keys.loads[0]?.land()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([1]))
    expect(keys.alive()).toBe(1)
  })

  test.each(['seal', 'open'] as const)(
    'that fails is one failure for all who wait to %s, and the next start anew',
    async (direction) => {
      const { take, use, keys } = setUp({}, 'waits')
      const waiting = times(1000, () => refusal(() => take({ direction })))
      await settled()
      keys.loads[0]?.fail(unavailable)
      for (const error of await Promise.all(waiting)) expect(error).toBe(unavailable)
      const next = times(1000, () => use({ direction }))
      expect(keys.loads.length).toBe(2)
      keys.loads[1]?.land()
      expect(new Set(await Promise.all(next))).toEqual(new Set([2]))
    },
  )

  test('that throws before there is a promise has failed like any other', async () => {
    const { take, use } = setUp()
    const load = (): never => {
      throw unavailable
    }
    expect(await refusal(() => take({ load }))).toBe(unavailable)
    expect(await use()).toBe(1)
  })

  test('is not made at all for a caller who has left', async () => {
    const { take, keys } = setUp()
    expect(await codeOf(async () => take({ signal: AbortSignal.abort() }))).toBe('ABORTED')
    expect(keys.loads.length).toBe(0)
  })
})

describe('a caller who leaves', () => {
  test('is told at once and with his reason, and the others are served', async () => {
    const { take, use, keys } = setUp({}, 'waits')
    const [leader, joiner] = [new AbortController(), new AbortController()]
    const refused = [leader, joiner].map(({ signal }) => refusal(() => take({ signal })))
    const stays = use()
    leader.abort('enough')
    joiner.abort('too')
    expect((await Promise.all(refused)).map(({ code, cause }) => [code, cause])).toEqual([
      ['ABORTED', 'enough'],
      ['ABORTED', 'too'],
    ])
    expect(keys.loads[0]?.signal.aborted).toBe(false)
    keys.loads[0]?.land()
    expect(await stays).toBe(1)
  })

  test('aborts the load if he is the last, and nobody joins it after that', async () => {
    const { take, use, keys } = setUp({}, 'waits')
    const callers = times(3, () => new AbortController())
    const codes = callers.map(({ signal }) => codeOf(() => take({ signal })))
    for (const [index, caller] of callers.entries()) {
      expect([index, keys.loads[0]?.signal.aborted]).toEqual([index, false])
      caller.abort()
    }
    expect(keys.loads[0]?.signal.aborted).toBe(true)
    expect(keys.loads[0]?.signal.reason).toMatchObject({ code: 'ABORTED' })
    const next = use()
    expect(keys.loads.length).toBe(2)
    keys.loads[0]?.land() // heedless of its signal
    keys.loads[1]?.land()
    expect(await next).toBe(2)
    expect(await Promise.all(codes)).toEqual(['ABORTED', 'ABORTED', 'ABORTED'])
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, false])
    expect(await use()).toBe(2)
  })

  test('hears nothing of a load that fails later', async () => {
    const { take, keys } = setUp({}, 'waits')
    const caller = new AbortController()
    const code = codeOf(() => take({ signal: caller.signal }))
    caller.abort()
    keys.loads[0]?.fail(unavailable) // an unhandled rejection would fail the run
    expect(await code).toBe('ABORTED')
    await settled()
  })

  test('leaves alone a load of a message that is too long to share one', async () => {
    const { take, keys } = setUp({ maxBytes: 1 }, 'waits')
    const caller = new AbortController()
    const code = codeOf(() => take({ bytes: 2, signal: caller.signal }))
    caller.abort()
    expect([await code, keys.loads[0]?.signal.aborted]).toEqual(['ABORTED', true])
    keys.loads[0]?.land()
    await settled()
    expect(keys.alive()).toBe(0)
  })

  test('after he was served leaves no listener behind, and takes the key from nobody', async () => {
    const { take, keys } = setUp({}, 'waits')
    const caller = new AbortController()
    const [taken, failing] = [take({ signal: caller.signal }), refusal(() => take({ key: 'l', signal: caller.signal }))]
    keys.loads[0]?.land()
    keys.loads[1]?.fail(unavailable)
    const { dataKey } = await taken
    await failing
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
    caller.abort()
    expect(dataKey.bytes[0]).toBe(1)
  })
})

describe('a message that the load finds forged', () => {
  const open = { direction: 'open' } as const

  test('fails alone: those who wait to open theirs try anew, one leading the rest', async () => {
    const { take, use, keys } = setUp({}, 'waits')
    const failing = refusal(() => take(open))
    const genuine = times(50, () => use(open))
    keys.loads[0]?.fail(forged)
    expect(await failing).toBe(forged)
    await settled()
    expect(keys.loads.length).toBe(2)
    keys.loads[1]?.land()
    expect(new Set(await Promise.all(genuine))).toEqual(new Set([2]))
    expect(await use(open)).toBe(2)
  })

  test('fails alone too where other keys failed otherwise beside the one that refused it', async () => {
    const { take, use, keys } = setUp({}, 'waits')
    const attempt = (error: KeyfoldError): Attempt => ({
      provider: 'k',
      providerId: 'p',
      code: error.code,
      message: '',
      error,
    })
    const mixed = new KeyfoldError('NO_USABLE_KEY', 'none', { attempts: [unavailable, forged].map(attempt) })
    const failing = refusal(() => take(open))
    const genuine = use(open)
    keys.loads[0]?.fail(mixed)
    expect(await failing).toBe(mixed)
    await settled()
    keys.loads[1]?.land()
    expect(await genuine).toBe(2)
  })

  test('holds a genuine one up twice at the most, however many there are', async () => {
    const { take, use, keys } = setUp({}, 'waits')
    const failing = times(20, () => refusal(() => take(open)))
    const genuine = use(open)
    for (const count of [1, 2]) {
      expect(keys.loads.length).toBe(count)
      keys.loads[count - 1]?.fail(forged)
      await settled()
    }
    // The other 18 forged ones and the genuine one, each by itself.
    expect(keys.loads.length).toBe(2 + 19)
    for (const load of keys.loads.slice(2, -1)) load.fail(forged)
    keys.loads.at(-1)?.land()
    expect(await genuine).toBe(21)
    for (const error of await Promise.all(failing)) expect(error).toBe(forged)
    expect(keys.alive()).toBe(0)
  })

  test('is not tried anew for a caller who has left meanwhile', async () => {
    const { take, keys } = setUp({}, 'waits')
    const caller = new AbortController()
    const failing = refusal(() => take(open))
    const leaves = codeOf(() => take({ ...open, signal: caller.signal }))
    caller.abort()
    keys.loads[0]?.fail(forged)
    expect([await failing, await leaves]).toEqual([forged, 'ABORTED'])
    expect(keys.loads.length).toBe(1)
  })

  test('is a failure for all where they seal, since no message is in question', async () => {
    const { take, keys } = setUp({}, 'waits')
    const failing = times(3, () => refusal(() => take()))
    keys.loads[0]?.fail(forged)
    expect(await Promise.all(failing)).toEqual([forged, forged, forged])
    expect(keys.loads.length).toBe(1)
  })
})
