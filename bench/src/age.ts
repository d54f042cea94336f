import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { type Contender, demandSame } from './work.ts'

/* What else a program would reach for: age, to an X25519 recipient. It binds no context, and is here for the order of magnitude. */

export async function ageEncrypt(plaintext: Uint8Array): Promise<Contender> {
  const { encrypter, decrypter } = await ageKeys()
  return {
    run: () => encrypter.encrypt(plaintext),
    check: async (made) => demandSame(await decrypter.decrypt(made as Uint8Array), plaintext), // run's own
  }
}

export async function ageDecrypt(plaintext: Uint8Array): Promise<Contender> {
  const { encrypter, decrypter } = await ageKeys()
  const file = await encrypter.encrypt(plaintext)
  return {
    run: () => decrypter.decrypt(file),
    check: (opened) => demandSame(opened, plaintext),
  }
}

/** age makes its own keys. */
async function ageKeys(): Promise<{ readonly encrypter: Encrypter; readonly decrypter: Decrypter }> {
  const identity = await generateX25519Identity()
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return { encrypter, decrypter }
}
