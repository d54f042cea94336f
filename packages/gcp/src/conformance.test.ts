// The cases that every provider must pass, through the real client over both transports.
import { keyProviderCases } from '@keyfold/core/conformance'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { givenClient } from './client-source.ts'
import { hasty, keyName, type Setting, startSetting, transports } from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'

vi.setConfig({ testTimeout: 30_000 }) // servers and clients of one machine, which may be busy

const kinds = [
  'working',
  'silent',
  'denied',
  'unauthenticated',
  'missing',
  'disabled',
  'throttled',
  'unavailable',
] as const

for (const transport of transports) {
  describe(`over ${transport}`, () => {
    const settings = new Map<string, Setting>()
    const the = (kind: (typeof kinds)[number]): Setting => {
      const setting = settings.get(kind)
      if (setting === undefined) throw new Error(`${kind} was not started`)
      return setting
    }
    beforeAll(async () => {
      for (const kind of kinds) settings.set(kind, await startSetting(transport))
      the('silent').server.faults.fault({ kind: 'hang' })
      the('denied').server.model.deny(keyName)
      the('unauthenticated').server.model.tokens = new Set(['another'])
      the('missing').server.model.removeKey(keyName)
      the('disabled').server.model.setState(keyName, 1, 'DISABLED')
      the('throttled').server.faults.fail('RESOURCE_EXHAUSTED')
      the('unavailable').server.faults.fail('UNAVAILABLE')
    })
    afterAll(async () => {
      for (const setting of settings.values()) await setting[Symbol.asyncDispose]()
    })

    const otherName = `${keyName}-other`
    const cases = keyProviderCases({
      provider: () => the('working').provider,
      other() {
        const { server, client } = the('working')
        if (!server.model.keys.has(otherName)) server.model.createKey(otherName)
        return cloudKmsProvider(otherName, givenClient(client), hasty)
      },
      expects: {
        bindsContext: true,
        authenticatesWriter: true,
        capabilities: ['wrapDataKey', 'unwrapDataKey', 'describe', 'close'],
      },
      stalled: () => the('silent').provider,
      failures: {
        denied: () => the('denied').provider,
        unauthenticated: () => the('unauthenticated').provider,
        missing: () => the('missing').provider,
        // A ciphertext of another server's version is refused before its state is looked at: so both have one key.
        disabled: () => disabledTwin(the('working'), the('disabled')),
        throttled: () => the('throttled').provider,
        unavailable: () => the('unavailable').provider,
      },
    })
    for (const { name, skip, run } of cases) {
      test(name, async (context) => {
        if (skip !== undefined) context.skip(skip)
        await run()
      })
    }
  })
}

function disabledTwin(working: Setting, disabled: Setting) {
  disabled.server.model.copyKey(working.server.model, keyName)
  disabled.server.model.setState(keyName, 1, 'DISABLED')
  return disabled.provider
}
