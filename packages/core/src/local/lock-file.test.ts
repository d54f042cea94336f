import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryFolder } from './key-file.test-support.ts'
import { createLocalKey } from './key-store.ts'
import { withLock } from './lock-file.ts'

describe('the lock', () => {
  test('that stays taken ends the wait with CONFLICT, retryable, naming its holder and the file to remove', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    writeFileSync(`${path}.lock`, 'token 4711 elsewhere')
    const waiting = withLock(path, async () => 'done', 50)
    await expect(waiting).rejects.toMatchObject({ code: 'CONFLICT', retryable: true })
    await expect(withLock(path, async () => 'done', 0)).rejects.toThrow(
      /process 4711 on elsewhere .* remove .*keys\.json\.lock/,
    )
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe('token 4711 elsewhere')
  })

  test('is let go when the work fails, and only while it is still the own one', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withLock(path, async () => 'done', 0)).toBe('done')
    await withLock(path, async () => writeFileSync(`${path}.lock`, "another's"))
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe("another's")
  })

  test('is not left behind where it cannot be written', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const handle = await open(import.meta.filename)
    const write = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'writeFile').mockRejectedValue(full)
    onTestFinished(() => write.mockRestore())
    await handle.close()
    await expect(createLocalKey(path)).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: full })
    expect(write).toHaveBeenCalledTimes(1)
    expect(readdirSync(join(path, '..'))).toEqual([])
    write.mockRestore()
    await createLocalKey(path)
  })
})
