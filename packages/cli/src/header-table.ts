import type { EncryptedDataKey, UnverifiedHeader } from '@keyfold/core'
import { printable } from './printable.ts'
import { formatTable } from './table.ts'

/** A header as tables for people. Whoever made the message chose its content: nothing in it can move the cursor. */
export function formatHeader(header: UnverifiedHeader): string {
  const context = Object.entries(header.context).map(([name, value]) => `${printable(name)} = ${printable(value)}`)
  const [firstPair = '(empty)', ...morePairs] = context
  const rows = [
    ['format version', String(header.version)],
    ['suite', `${formatSuite(header.suite)}  ${header.suiteName}`],
    ['signed', header.signed ? 'yes' : 'no'],
    ['commits to its key', header.committing ? 'yes' : 'no'],
    ['message id', Buffer.from(header.messageId).toString('hex')],
    ['frame length', header.frameLength === 0 ? 'not framed' : `${header.frameLength} bytes`],
    ['header length', `${header.headerLength} bytes`],
    ['context', firstPair],
    ...morePairs.map((pair) => ['', pair]),
  ]
  const entries = header.encryptedDataKeys.map((entry, index) => {
    return [String(index + 1), printable(entry.providerId), describeKey(entry), `${entry.ciphertext.length} bytes`]
  })
  return `Header (unverified: nobody has authenticated any of it)

${formatTable(rows, '  ')}

${formatTable([['data key', 'provider', 'key', 'ciphertext'], ...entries], '  ')}
`
}

/** A header as JSON: bytes in base64, the message id in hexadecimal digits, the suite by its number. */
export function headerAsJson(header: UnverifiedHeader): object {
  return {
    unverified: true,
    ...header,
    messageId: Buffer.from(header.messageId).toString('hex'),
    encryptedDataKeys: header.encryptedDataKeys.map((entry) => ({
      providerId: entry.providerId,
      key: describeKey(entry),
      providerInfo: Buffer.from(entry.providerInfo).toString('base64'),
      ciphertext: Buffer.from(entry.ciphertext).toString('base64'),
    })),
  }
}

function formatSuite(suite: number): string {
  return `0x${suite.toString(16).padStart(4, '0')}`
}

/** Behind the name in a raw AES key's entry: a tag of 128 bits, an iv of 12 bytes. */
const rawAesLengths = Buffer.from('000000800000000c', 'hex')
const rawAesTail = rawAesLengths.length + 12

/** Which key an entry is for, as far as its provider info is text. */
function describeKey({ providerInfo }: EncryptedDataKey): string {
  const info = Buffer.from(providerInfo)
  const nameLength = info.length - rawAesTail
  const isRawAes = nameLength > 0 && info.subarray(nameLength).subarray(0, rawAesLengths.length).equals(rawAesLengths)
  const name = isRawAes ? info.subarray(0, nameLength) : info
  try {
    return printable(new TextDecoder('utf-8', { fatal: true }).decode(name))
  } catch {
    return `${name.toString('hex')} (hex)`
  }
}
