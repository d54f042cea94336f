// A thousand bytes out of a sealed object in S3, by range requests: the header and the final frame once, then only the frames
// that hold them. Every request names the object's ETag, so that an object which is overwritten meanwhile is refused.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { createEnvelope, KeyfoldError, type RangeSource, rawAes } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { startMoto } from '@keyfold/testing/moto'
import { moto } from '@keyfold/testing/servers'

const server = await availableServer(moto)
if (server.state === 'skipped') console.log(`SKIPPED: ${server.line}`)
else await show(server.executable)

async function show(executable: string): Promise<void> {
  await using aws = await startMoto({ executable })
  const s3 = new S3Client({
    endpoint: aws.url,
    region: 'us-east-1',
    forcePathStyle: true, // this server has no host name for each bucket
    credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
  })
  const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key: randomBytes(32) }) })
  const object = { Bucket: 'shop', Key: 'sales' }
  const context = { object: 'shop/sales' }
  const sales = randomBytes(4 * 1024 * 1024)
  const put = async (): Promise<void> => {
    await s3.send(new PutObjectCommand({ ...object, Body: await envelope.encrypt(sales, { context }) }))
  }
  await s3.send(new CreateBucketCommand({ Bucket: object.Bucket }))
  await put()

  const source = await openObject(s3, object)
  await using reader = await envelope.openRange(source, { context })
  const opening = { ...source.traffic }
  console.log(`opened ${source.size} bytes in S3: ${opening.requests} requests for ${opening.bytes} bytes`)
  const part = await reader.read(2_000_000, 2_001_000)
  const requests = source.traffic.requests - opening.requests
  const bytes = source.traffic.bytes - opening.bytes
  console.log(`read ${part.length} of ${reader.length} bytes: ${requests} request for ${bytes} bytes`)

  // Sealed anew it is another message: no frame of it belongs to the header that the reader has verified.
  await put()
  const refusal: unknown = await reader.read(0, 1000).catch((error: unknown) => error)
  console.log(KeyfoldError.is(refusal) && `${refusal.code}: ${refusal.message}`)

  assert.deepEqual(Buffer.from(part), sales.subarray(2_000_000, 2_001_000))
  assert.deepEqual([requests, bytes < 150_000, opening.bytes < 150_000], [1, true, true])
  assert.ok(KeyfoldError.is(refusal) && refusal.code === 'CONFLICT')
  const again = await envelope.decryptRange(await openObject(s3, object), { start: 0, end: 10, context })
  assert.deepEqual(Buffer.from(again), sales.subarray(0, 10))
}

interface Traffic {
  requests: number
  bytes: number
}

/** One version of an object, as it is now. Where the bucket keeps versions, a `VersionId` pins it as well, and goes on. */
async function openObject(
  s3: S3Client,
  object: { readonly Bucket: string; readonly Key: string },
): Promise<RangeSource & { readonly traffic: Readonly<Traffic> }> {
  const { ContentLength: size, ETag } = await s3.send(new HeadObjectCommand(object))
  assert.ok(size !== undefined && ETag !== undefined) // without it nothing would be pinned
  const traffic: Traffic = { requests: 0, bytes: 0 }
  return {
    size,
    traffic,
    async read(start, end, { signal }) {
      const range = new GetObjectCommand({ ...object, Range: `bytes=${start}-${end - 1}`, IfMatch: ETag })
      try {
        const { Body } = await s3.send(range, { abortSignal: signal })
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
        traffic.requests++
        traffic.bytes += bytes.length
        return bytes
      } catch (error) {
        if (!(error instanceof S3ServiceException) || error.$metadata.httpStatusCode !== 412) throw error
        const name = `${object.Bucket}/${object.Key}`
        throw new KeyfoldError('CONFLICT', `${name} was overwritten since it was opened`, { cause: error })
      }
    },
  }
}
