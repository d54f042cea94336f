import { CompactEncrypt, compactDecrypt } from 'jose'
import { context, wrappingKey } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * What else a program would reach for: a compact JWE, A256GCMKW and A256GCM, the two pairs in its protected header. It binds
 * and commits to less, and is here for the order of magnitude.
 */

function joseEncryptOnce(plaintext: Uint8Array): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', ...context })
    .encrypt(wrappingKey)
}

export function joseEncrypt(plaintext: Uint8Array): Contender {
  return {
    run: () => joseEncryptOnce(plaintext),
    check: async (jwe) => demandSame((await compactDecrypt(jwe as string, wrappingKey)).plaintext, plaintext), // run's own
  }
}

export async function joseDecrypt(plaintext: Uint8Array): Promise<Contender> {
  const jwe = await joseEncryptOnce(plaintext)
  return {
    run: () => compactDecrypt(jwe, wrappingKey),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
}
