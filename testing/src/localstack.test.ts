import { beforeEach, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import { type LocalStack, startLocalStack } from './localstack.ts'
import { localStack } from './servers.ts'

const server = await availableServer(localStack)

beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
})

it('answers at one address of loopback, for KMS and Secrets Manager, and no more after its disposal', async () => {
  const aws = await start()
  expect(aws.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(await call(aws, 'kms', 'TrentService.CreateKey')).toHaveProperty('KeyMetadata.KeyState', 'Enabled')
  expect(await call(aws, 'secretsmanager', 'secretsmanager.ListSecrets')).toHaveProperty('SecretList', [])
  await aws[Symbol.asyncDispose]()
  await expect(call(aws, 'kms', 'TrentService.ListKeys')).rejects.toThrow('fetch failed')
}, 100_000)

it('fails at the start when the program dies there, or never answers', async () => {
  await expect(start(['-c', "raise SystemExit('no such library')"])).rejects.toThrow('no such library')
  await expect(start(['-c', 'input()'], 300)).rejects.toThrow('localstack: not ready in 300 ms')
})

function start(args?: readonly string[], startTimeoutMs?: number): Promise<LocalStack> {
  if (server.state === 'skipped') throw new Error(server.line)
  return startLocalStack({
    executable: server.executable,
    ...(args === undefined ? {} : { args }),
    ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }),
  })
}

async function call(aws: LocalStack, service: string, target: string): Promise<unknown> {
  const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`
  const headers = { authorization, 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' }
  const response = await fetch(aws.url, { method: 'POST', headers, body: '{}' })
  return response.json()
}
