import { AsyncLocalStorage } from 'node:async_hooks'
import { spawnSync } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { refusal } from '../refusal.test-support.ts'
import { memoryKeys } from '../testing/memory-keys.ts'
import { decryptDuplex, encryptDuplex } from './duplex.ts'

const source = (): Readable => Readable.from([Buffer.from('Hello')])

describe('a key that fails before anybody listens', () => {
  const ways: readonly [string, (duplex: Duplex) => Promise<unknown>][] = [
    ['pipes through it', (duplex) => pipeline(source(), duplex, new PassThrough().resume())],
    ['reads it', (duplex) => buffer(duplex)],
    ['ends it', (duplex) => finished(duplex.end())],
    ['writes to it', (duplex) => new Promise((_, reject) => duplex.on('error', reject).write('Hello'))],
    ['listens', (duplex) => new Promise((_, reject) => duplex.on('error', reject))],
  ]

  test.each(ways)('fails the stream of who %s afterwards, and nothing before', async (_, use) => {
    const keys = memoryKeys()
    keys.fail('UNAVAILABLE')
    const sealing = encryptDuplex(createEnvelope({ keys }), { length: 5 })
    expect(await refusal(() => sealing.sealedLength)).toMatchObject({ code: 'UNAVAILABLE' })
    await turn() // an error that nobody hears would have ended the process
    expect(sealing.destroyed).toBe(false)
    await expect(use(sealing)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await turn()
    expect(sealing.destroyed).toBe(true)
  })

  test("is the caller's abort in the midst of the call, too", async () => {
    const caller = new AbortController()
    const generateDataKey = (): Promise<never> => {
      caller.abort()
      return new Promise(() => undefined)
    }
    const keys = { ...memoryKeys(), generateDataKey }
    const sealing = encryptDuplex(createEnvelope({ keys }), { signal: caller.signal })
    await expect(buffer(sealing)).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('is not thrown at who has taken his listener back', async () => {
    const keys = memoryKeys()
    keys.fail('UNAVAILABLE')
    const sealing = encryptDuplex(createEnvelope({ keys }))
    await refusal(() => sealing.header)
    const listener = (): void => undefined
    sealing.on('error', listener).off('error', listener)
    await turn()
    expect(sealing.destroyed).toBe(false)
  })

  test("is the caller's abort, too", async () => {
    const caller = new AbortController()
    const opening = decryptDuplex(createEnvelope({ keys: memoryKeys() }), { signal: caller.signal })
    caller.abort()
    expect(await refusal(() => opening.header)).toMatchObject({ code: 'ABORTED' })
    await turn()
    await expect(buffer(opening)).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

test('its events are told where it was made, wherever it is read', async () => {
  const place = new AsyncLocalStorage<string>()
  const told: unknown[] = []
  const observe = ({ type }: KeyfoldEvent): number => told.push([type, place.getStore()])
  const envelope = createEnvelope({ keys: memoryKeys(), observe })
  const sealing = place.run('made', () => encryptDuplex(envelope))
  await place.run('written', async () => sealing.end('Hello'))
  await place.run('read', () => buffer(sealing))
  expect(told).toEqual([
    ['data-key-generated', 'made'],
    ['message-sealed', 'made'],
  ])
})

test("what a reader's listener throws is uncaught, as from any stream of Node's", () => {
  const program = `
    import { createEnvelope } from '@keyfold/core'
    import { encryptDuplex } from '@keyfold/core/node'
    import { memoryKeys } from '@keyfold/core/testing'
    const sealing = encryptDuplex(createEnvelope({ keys: memoryKeys() }))
    sealing.once('data', () => { throw new Error('of the listener') })
    process.on('uncaughtException', ({ message }) => console.log(message))
    sealing.end('Hello')`
  const args = ['--conditions=@keyfold/source', '--input-type=module', '--eval', program]
  const { stdout } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })
  expect(stdout).toBe('of the listener\n')
})
