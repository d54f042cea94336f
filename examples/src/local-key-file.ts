// Keys in a file of this machine: made, used, rotated. What was sealed before the rotation still opens.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEnvelope } from '@keyfold/core'
import { createLocalKey, listLocalKeys, localKeys, rotateLocalKey } from '@keyfold/core/local'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-example-'))
try {
  const path = join(folder, 'keys.json')
  await createLocalKey(path, { name: 'orders' })
  const envelope = createEnvelope({ keys: localKeys(path, { name: 'orders' }) })
  const before = await envelope.encrypt(new TextEncoder().encode('order 7'))

  await rotateLocalKey(path, { name: 'orders' })
  const rotated = createEnvelope({ keys: localKeys(path, { name: 'orders' }) })
  const after = await rotated.encrypt(new TextEncoder().encode('order 8'))

  const { keys, sealed } = await listLocalKeys(path)
  console.log(keys, { sealed })

  assert.equal(new TextDecoder().decode((await rotated.decrypt(before)).plaintext), 'order 7')
  // The envelope from before reads the file again when a message names a version that it does not know.
  assert.equal(new TextDecoder().decode((await envelope.decrypt(after)).plaintext), 'order 8')
  assert.deepEqual(
    keys.map(({ name, versions }) => [name, versions.length]),
    [['orders', 2]],
  )
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600)
} finally {
  rmSync(folder, { recursive: true })
}
