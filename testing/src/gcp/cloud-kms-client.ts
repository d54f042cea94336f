import { KeyManagementServiceClient } from '@google-cloud/kms'
import { credentials } from '@grpc/grpc-js'
import { OAuth2Client } from 'google-auth-library'

export type GoogleTransport = 'grpc' | 'rest'

/** The real client, led to a server of this process. Over REST it sends the token; gRPC in the clear carries none. */
export function cloudKmsClient(
  server: { readonly address: string; readonly restUrl: string },
  transport: GoogleTransport,
  token = 'test-token',
): KeyManagementServiceClient {
  const { hostname, port } = new URL(transport === 'grpc' ? `http://${server.address}` : server.restUrl)
  const authClient = new OAuth2Client()
  authClient.setCredentials({ access_token: token, expiry_date: Date.now() + 3_600_000 })
  const place = { apiEndpoint: hostname, port: Number(port), projectId: 'test-project', authClient }
  return transport === 'grpc'
    ? new KeyManagementServiceClient({ ...place, sslCreds: credentials.createInsecure() })
    : new KeyManagementServiceClient({ ...place, fallback: true, protocol: 'http' })
}
