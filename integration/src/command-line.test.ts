/* The command line, with the keys of all four services. */
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { run } from 'keyfold'
import { expect, test } from 'vitest'
import { providerIds, useFourKeys } from './four-keys.test-support.ts'

const four = useFourKeys()

/** What each package would export, with clients that lead to the servers of these tests. */
function packages(): Readonly<Record<string, object>> {
  return {
    '@keyfold/aws': { aws: () => four.of('aws-kms').adapter },
    '@keyfold/gcp': { gcp: () => four.of('gcp-kms').adapter },
    '@keyfold/azure': { azure: () => four.of('azure-keyvault').adapter },
    '@keyfold/vault': { vault: () => four.of('vault-transit').adapter },
  }
}

async function keyfold(args: readonly string[], input: Uint8Array = new Uint8Array()) {
  const [stdin, stdout, stderr] = [Readable.from([input]), new PassThrough(), new PassThrough()]
  const ended = Promise.all([buffer(stdout), text(stderr)])
  const loadPackage = async (name: string): Promise<object | undefined> => packages()[name]
  const { signal } = new AbortController()
  const exitCode = await run(args, { stdin, stdout, stderr, env: {}, signal, loadPackage })
  stdout.end()
  stderr.end()
  const [output, errors] = await ended
  return { exitCode, stdout: output, stderr: errors }
}

test('encrypt seals for the keys of four services, and decrypt opens with each of them', async () => {
  const references = four.but().map(({ reference }) => reference)
  const context = ['--context', 'tenant=t-42']
  const keys = references.flatMap((reference) => ['--key', reference])
  const sealed = await keyfold(['encrypt', ...keys, ...context], Buffer.from('order 7'))
  expect(sealed).toMatchObject({ exitCode: 0, stderr: '' })
  const openers: unknown[] = []
  for (const reference of references) {
    const opened = await keyfold(['decrypt', '--key', reference, ...context, '--json'], sealed.stdout)
    expect(opened).toMatchObject({ exitCode: 0, stdout: Buffer.from('order 7') })
    openers.push(JSON.parse(opened.stderr).openedBy.providerId)
  }
  expect(openers).toEqual(providerIds)
})

test('doctor describes the keys of four services, and advises on what each says of itself', async () => {
  const { exitCode, stdout, stderr } = await keyfold(['doctor', ...four.but().map((one) => one.reference), '--json'])
  expect([exitCode, stderr]).toEqual([3, ''])
  const report = JSON.parse(stdout.toString())
  expect(report.severity).toBe('warning')
  const rows = report.keys.map((row: { providerId: string; health: { state: string }; advice: { rule: string }[] }) => [
    row.providerId,
    row.health.state,
    row.advice.map(({ rule }) => rule),
  ])
  expect(rows).toEqual([
    ['aws-kms', 'enabled', ['rotation-off']],
    ['gcp-kms', 'enabled', ['rotation-off']],
    ['azure-keyvault', 'enabled', ['weakest-member', 'rotation-off', 'binds-no-context']],
    ['vault-transit', 'enabled', ['root-token', 'rotation-off']],
  ])
})
