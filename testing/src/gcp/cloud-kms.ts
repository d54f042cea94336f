import { type CloudKmsModel, cloudKmsModel } from './cloud-kms-model.ts'
import { cloudKmsOperations } from './cloud-kms-operations.ts'
import { cloudKmsUse } from './cloud-kms-use.ts'
import { startGoogleService } from './google-service.ts'
import type { ServiceFaults } from './service-faults.ts'

/** A Cloud KMS of this process, in gRPC and in REST over one model. */
export interface CloudKms extends AsyncDisposable {
  /** Of gRPC, in the clear: `HOST:PORT`. */
  readonly address: string
  /** Of REST: `http://HOST:PORT`. */
  readonly restUrl: string
  readonly model: CloudKmsModel
  readonly faults: ServiceFaults
}

/**
 * Starts a Cloud KMS on two free ports of 127.0.0.1. There is none to be had, so it is ours, and judged by what the real
 * service was recorded to answer: `cloud-kms.test.ts`.
 */
export async function startCloudKms(): Promise<CloudKms> {
  const model = cloudKmsModel()
  const service = await startGoogleService({
    protos: '@google-cloud/kms/build/protos/protos.json',
    service: 'google.cloud.kms.v1.KeyManagementService',
    title: 'Cloud Key Management Service (KMS)',
    operations: { ...cloudKmsOperations(model), ...cloudKmsUse(model) },
    access: model,
  })
  return { ...service, model }
}
