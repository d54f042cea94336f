/*
 * Makes a key fail in every way, and prints all that a program may print of it. Run as a process of its own, since what
 * `DEBUG` and `NODE_DEBUG` turn on is read when Node starts. With `ours` as its argument the key makes its client itself, and
 * the service answers as KMS does: nothing secret among an answer's first 50 bytes, which NODE_DEBUG=stream prints whoever
 * reads them.
 */
import { inspect } from 'node:util'
import { SecretBytes } from '@keyfold/core'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { awsKms } from './aws-kms.ts'
import { canaries, canariesIn } from './canaries.test-support.ts'
import { bound, entryOf, keyArn, kmsClient, unhurried } from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const dataKey = Buffer.from(canaries.dataKey)
const everything = Object.values(canaries).join(' ')
const echoed = `${everything} ${dataKey.toString('base64')}`
const headers = { 'content-type': 'application/x-amz-json-1.1' }
const cut = JSON.stringify({ KeyId: arn, Plaintext: dataKey.toString('base64'), CiphertextBlob: 'AQID' }).slice(0, -3)

const answers = [
  ...['ValidationException', 'InvalidSignatureException', 'InvalidGrantTokenException', 'ExpiredTokenException'],
  ...['ThrottlingException', 'KMSInternalException', 'InvalidCiphertextException', 'SurprisingException', echoed],
].map(
  (__type) => ({ kind: 'status', status: 400, headers, body: JSON.stringify({ __type, message: echoed }) }) as const,
)

/** These keep the service's text, so here it is one that the service would write. */
const told = [
  ...['AccessDeniedException', 'NotFoundException', 'DisabledException'],
  ...['KMSInvalidStateException', 'InvalidKeyUsageException', 'UnsupportedOperationException'],
].map(
  (__type) =>
    ({ kind: 'status', status: 400, headers, body: JSON.stringify({ __type, message: `${arn}: no` }) }) as const,
)

const faults = [
  ...answers,
  ...told,
  { kind: 'status', status: 502, headers, body: echoed },
  { kind: 'status', status: 200, headers, body: cut },
  {
    kind: 'status',
    status: 200,
    headers,
    body: JSON.stringify({ KeyId: 'another', Plaintext: dataKey.toString('base64') }),
  },
  { kind: 'reset' },
  { kind: 'black-hole' },
] as const

const makesClient = process.argv[2] === 'ours'
await using proxy = await startFaultProxy({ target: 'http://127.0.0.1:9' })
const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: canaries.secretKey,
  sessionToken: canaries.sessionToken,
}
if (makesClient) {
  process.env['AWS_ENDPOINT_URL_KMS'] = proxy.url
  process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey
  process.env['AWS_SESSION_TOKEN'] = credentials.sessionToken
}
const requestHandler = { requestTimeout: 200, throwOnRequestTimeout: true }
const client = makesClient ? undefined : kmsClient(proxy.url, { credentials, requestHandler })
const key = awsKms(arn, { client, grantTokens: [canaries.grantToken] })

for (const fault of makesClient ? faults.filter(isAnswerOfKms) : faults) {
  proxy.recover()
  proxy.fault(fault)
  const calls = {
    generate: () => key.generateDataKey?.({ length: 32, ...bound() }, unhurried()),
    wrap: () => key.wrapDataKey?.({ dataKey: SecretBytes.from(Buffer.from(dataKey)), ...bound() }, unhurried()),
    unwrap: () => key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried()),
    describe: () => key.describe(unhurried()),
  }
  for (const [what, call] of Object.entries(calls)) {
    try {
      await call()
      console.log(`${what}: came off`)
    } catch (error) {
      console.log(what, inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }))
      console.log(JSON.stringify(error), error instanceof Error ? error.stack : '')
    }
  }
}
console.log('FAILURES:', proxy.requests.length)

/** But for throttling: its five tries wait for many seconds. */
function isAnswerOfKms(fault: (typeof faults)[number]): boolean {
  if (fault.kind !== 'status' || fault.body.includes('Throttling')) return false
  return canariesIn(fault.body.slice(0, 50)).length === 0
}
