import { type Envelope, KeyfoldError, type OpenedBy } from '@keyfold/core'

/** The message of these tests. */
export const plaintext: Uint8Array = new TextEncoder().encode('order 7: two of them')
export const context: Readonly<Record<string, string>> = { tenant: 't-42' }

/** Both ways to open a message. */
export const ways = {
  'in one call': async (envelope, sealed) => {
    const opened = await envelope.decrypt(sealed, { context })
    return { plaintext: opened.plaintext, openedBy: opened.openedBy }
  },
  'as a stream': async (envelope, sealed) => {
    const { readable, writable, header } = envelope.decryptStream({ context })
    const stream = new Blob([Uint8Array.from(sealed)]).stream().pipeThrough({ readable, writable })
    const bytes = await new Response(stream).bytes()
    return { plaintext: bytes, openedBy: (await header).openedBy }
  },
} satisfies Record<string, (envelope: Envelope, sealed: Uint8Array) => Promise<OpenedMessage>>

interface OpenedMessage {
  readonly plaintext: Uint8Array
  readonly openedBy: OpenedBy
}

/** The error that something fails with. */
export async function failureOf(work: Promise<unknown>): Promise<KeyfoldError> {
  const outcome = await work.then(
    () => 'no failure',
    (error: unknown) => error,
  )
  if (KeyfoldError.is(outcome)) return outcome
  throw new Error('it did not fail with a KeyfoldError', { cause: outcome })
}
