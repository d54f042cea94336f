import { generate } from 'selfsigned'

/** A certificate that signs itself, for a server on this machine. */
export interface Certificate {
  /** PEM; also the authority that a client has to trust. */
  readonly certificate: string
  /** PEM. */
  readonly privateKey: string
}

/** A new certificate for 127.0.0.1 and localhost. */
export async function makeCertificate(): Promise<Certificate> {
  const { cert, private: privateKey } = await generate([{ name: 'commonName', value: 'keyfold-testing' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { certificate: cert, privateKey }
}
