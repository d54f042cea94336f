import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Fault, serverError, throttled } from '@keyfold/testing/azure/key-vault'
import { expect, test } from 'vitest'
import { useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()
const program = fileURLToPath(new URL('./canaries.test-support.ts', import.meta.url))

test.each([{}, { DEBUG: '*', AZURE_LOG_LEVEL: 'verbose' }, { NODE_DEBUG: '*' }])(
  'neither token nor data key shows in errors or in what is printed, under %j',
  async (debugging) => {
    const dataKey = randomBytes(32)
    const token = `canary-${randomBytes(24).toString('hex')}`
    const faults = failuresThatRepeat({ token, dataKey })
    const { tokens, log } = fixture.service()
    tokens.add(token)
    // Each call is repeated once where it may be: a fault meets the call and its repetition.
    for (const { fault, requests } of faults) log.fault(fault, { times: requests })
    const keyUrl = `${fixture.server().vaultUrl}/keys/orders`
    const child = spawn(process.execPath, ['--conditions=@keyfold/source', program], {
      env: {
        ...debugging,
        KEY_URL: keyUrl,
        CA: fixture.server().ca,
        TOKEN: token,
        DATA_KEY: dataKey.toString('hex'),
        ENTRY_INFO: `${keyUrl}/${'0'.repeat(32)}#RSA-OAEP-256`,
        CALLS: String(faults.length),
      },
    })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(stdout).toContain(`FAILED ${faults.length}`)
    const printed = stdout + stderr
    if (debugging.DEBUG === '*') expect(printed).toContain('azure:')
    for (const form of [token, ...formsOf(dataKey)]) expect(printed.includes(form), 'a canary is printed').toBe(false)
  },
  30_000,
)

/** Refusals whose bodies repeat what was sent, as a careless service or proxy might. */
function failuresThatRepeat({ token, dataKey }: { token: string; dataKey: Buffer }) {
  const message = `${token} ${dataKey.toString('base64url')} ${dataKey.toString('hex')}`
  const refusal = (status: number, code: string, inner: string): Fault => ({
    kind: 'answer',
    status,
    body: { error: { code, message, innererror: { code: inner, message } } },
  })
  const rows: readonly (readonly [Fault, number])[] = [
    [refusal(403, 'Forbidden', 'ForbiddenByRbac'), 1],
    [refusal(403, 'Forbidden', 'KeyDisabled'), 1],
    [refusal(400, 'BadParameter', ''), 1],
    [refusal(404, 'KeyNotFound', ''), 1],
    [refusal(418, message, message), 1],
    [throttled(), 2],
    [serverError(503), 2],
    [{ kind: 'reset' }, 2],
    [{ kind: 'hang' }, 2],
    [{ kind: 'truncated' }, 1],
    [{ kind: 'answer', status: 200, body: `{"kid":"${message}` }, 1],
    [{ kind: 'answer', status: 200, body: { kid: message, value: dataKey.toString('base64url') } }, 1],
  ]
  // Twice each: once met by wrapping, once by unwrapping. The last row opens well, and is met by wrapping alone.
  return rows.flatMap(([fault, requests], at) =>
    Array.from({ length: at === rows.length - 1 ? 1 : 2 }, () => ({ fault, requests })),
  )
}

function formsOf(bytes: Buffer): readonly string[] {
  const parts = [bytes, bytes.subarray(0, 12), bytes.subarray(3, 15), bytes.subarray(18, 30)]
  return parts.flatMap((part) => [
    part.toString('hex'),
    part.toString('base64').replace(/=+$/, ''),
    part.toString('base64url'),
    [...part].join(','),
    [...part].join(', '),
    (part.toString('hex').match(/../g) ?? []).join(' '),
  ])
}
