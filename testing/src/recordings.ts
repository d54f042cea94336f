import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Skip } from './availability.ts'

/** One recorded conversation with a real service. */
export interface RecordedEntry<Exchange> {
  readonly name: string
  readonly transport: string
  readonly exchanges: readonly Exchange[]
}

export interface Recordings<Exchange> {
  readonly state: 'found'
  readonly entries: readonly RecordedEntry<Exchange>[]
}

/**
 * What a real service was recorded to answer, or the reason for which the replays are skipped. The recordings are kept
 * outside the repository; `KEYFOLD_RECORDINGS` names their folder.
 *
 * @param file within the folder, such as `gcp/kms.json`, whose README says what an exchange is
 */
export async function readRecordings<Exchange>(
  file: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Recordings<Exchange> | Skip> {
  const folder = env['KEYFOLD_RECORDINGS'] ?? ''
  if (folder === '') return { state: 'skipped', line: 'recordings are missing: KEYFOLD_RECORDINGS names their folder' }
  const text = await readFile(join(folder, file), 'utf8')
  return { state: 'found', entries: JSON.parse(text) as RecordedEntry<Exchange>[] } // as the folder's README describes it
}
