import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Certificate, makeCertificate } from './certificate.ts'
import type { RsaSource } from './key-material.ts'
import { KeyStore } from './key-store.ts'
import { Service } from './service.ts'

export type { KeyOperation } from './key-route.ts'
export { type Fault, type FaultTerms, type SeenRequest, serverError, throttled } from './requests.ts'
export type { DenialCode, Service } from './service.ts'

/** A vault and a managed HSM, each at an address of its own; give clients `ca`, or they trust neither. */
export interface KeyVaultServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, without a slash at its end. */
  readonly vaultUrl: string
  readonly hsmUrl: string
  /** PEM of the authority to trust. */
  readonly ca: string
  readonly model: { readonly vault: Service; readonly hsm: Service }
}

export interface KeyVaultOptions {
  readonly rsa?: RsaSource
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/**
 * Azure Key Vault and Managed HSM in this process, as far as Keyfold uses them: keys. Its manners are those of the recorded
 * services (azure/recordings.test.ts replays them).
 */
export async function startKeyVault(options: KeyVaultOptions = {}): Promise<KeyVaultServer> {
  const certificate = await makeCertificate()
  const vault = new Service(new KeyStore({ kind: 'vault', ...options }))
  const hsm = new Service(new KeyStore({ kind: 'managed-hsm', ...options }))
  const servers = await Promise.all([vault, hsm].map((service) => listen(service, certificate)))
  return {
    vaultUrl: vault.baseUrl,
    hsmUrl: hsm.baseUrl,
    ca: certificate.certificate,
    model: { vault, hsm },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(close))
    },
  }
}

async function listen(service: Service, { certificate, privateKey }: Certificate): Promise<Server> {
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    // A client that gives up, and a fault of this server's own: in both, the client is left with a dead connection.
    service.handle(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
  service.baseUrl = `https://127.0.0.1:${port}`
  return server
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
