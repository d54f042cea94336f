import { describe, expect, test } from 'vitest'
import { freshRsa } from './key-material.ts'
import { startKeyVault } from './key-vault.ts'
import { type Exchange, errorCodes, field, noRecordings, readAzureRecordings, type Scenario } from './recordings.ts'
import { opens, type Played, play } from './replay.test-support.ts'

/** What our server does not do, since nothing of ours asks for it. A scenario with one of these is left out whole. */
const notModelled: Readonly<Record<string, (called: string, scenario: Scenario) => boolean>> = {
  'lists of keys, versions and deleted keys': (called) => /^GET \/+(deleted)?keys(\/[^/]+\/versions)?\?/.test(called),
  signatures: (called) => /\/(sign|verify)\?/.test(called),
  'random bytes': (called) => /\/rng\?/.test(called),
  backups: (called) => /\/(backup|restore)[ ?]/.test(called),
  'release policies of exportable keys': (called) => /\/release\?|release_policy|"exportable":true/.test(called),
  CBC: (called) => called.includes('CBC'),
  'OKP keys': (called) => called.includes('OKP'),
  'keys of certificates': (_, { name }) => name === 'refuses to delete a key that belongs to a certificate',
  'what was sealed outside, under the public key': (_, { name }) => sealedOutside.has(name),
  // A second after a key got its second version, a request without a version was answered for the first one.
  'a service that is slow to see its own new version': (_, { name }) =>
    name === 'updates the attributes of a key by name and by version',
  'polls that are cut to no order': (_, { name }) => name === 'creates, deletes, recovers and purges a key',
  'a purge whose key is not in the recording': (_, { name }) =>
    name === 'refuses to purge a key while it is being deleted',
}

const sealedOutside = new Set([
  'encrypts and decrypts with RSA1_5 in a managed HSM',
  'unwraps with a key resolved from its full id',
])

function called({ request }: Exchange): string {
  return `${request?.method} ${request?.path} ${JSON.stringify(request?.body)}`
}

const scenarios = readAzureRecordings('keys.json') ?? []
const matches = Object.values(notModelled)
const replayed = scenarios.filter(
  (scenario) =>
    !scenario.exchanges.some((exchange) => matches.some((matching) => matching(called(exchange), scenario))),
)
// Three keys in turn, made once: what matters is that two versions differ.
const pool = [freshRsa(2048), freshRsa(2048), freshRsa(2048)]

if (scenarios.length === 0) test('our server answers as the recorded services', ({ skip }) => skip(noRecordings))
else
  describe('our server answers as the recorded services', () => {
    test('in what concerns operations that we use', () => {
      expect([replayed.length, replayed.flatMap(({ exchanges }) => exchanges).length]).toEqual([77, 300])
    })

    test.each(replayed.map((scenario) => [scenario.service, scenario.name, scenario] as const))(
      '%s: %s',
      async (_service, _name, scenario) => {
        let at = 0
        const rsa = (bits: number) => (bits === 2048 ? pool[at++ % pool.length] : undefined) ?? freshRsa(bits)
        await using server = await startKeyVault({ rsa, now: () => timeOf(scenario) })
        for (const played of await play(server, scenario)) demandSame(played)
      },
    )
  })

/** When it was recorded, in milliseconds: the last time that an answer names. */
function timeOf({ exchanges }: Scenario): number {
  const times = JSON.stringify(exchanges).matchAll(/"created":(\d+)/g)
  return 1000 * Math.max(1, ...[...times].map(([, seconds]) => Number(seconds)))
}

function demandSame({ exchange, expected, status, body }: Played): void {
  const { request, response } = exchange
  const what = `${request.method} ${request.path}`
  expect([what, status, errorCodes(body)]).toEqual([what, response.status, errorCodes(response.body)])
  if (status !== 200) return
  expect(meaning(body), what).toMatchObject(Object(meaning(expected)))
  if (opens(request.path)) return
  for (const name of ['value', 'iv', 'tag']) {
    expect([what, name, lengthOf(field(body, name))]).toEqual([what, name, lengthOf(field(response.body, name))])
  }
}

const lengthOf = (text: unknown): number => (typeof text === 'string' ? Buffer.from(text, 'base64url').length : 0)

/** An answer without what the service chose: times, numbers of keys, the settings of a vault. Operations have no order. */
function meaning(body: unknown, name = ''): unknown {
  if (chosen.has(name)) return typeof body
  if (Array.isArray(body)) return name === 'key_ops' ? [...body].sort() : body.map((one) => meaning(one))
  if (typeof body !== 'object' || body === null) return body
  const fields = Object.entries(body).map(([key, value]) => [key === 'recoverylevel' ? 'recoveryLevel' : key, value])
  return Object.fromEntries(fields.map(([key, value]) => [key, meaning(value, key)]))
}

const chosen = new Set(
  'created updated deletedDate scheduledPurgeDate recoverableDays recoveryLevel n e x y'.split(' '),
)
