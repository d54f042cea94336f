import type { Located, ResolveOptions } from './resolve.ts'
import { resolveServer } from './resolve.ts'
import type { ServerRow } from './server-row.ts'

/** A server that a test cannot have here, with the one line that says so. */
export interface Skip {
  readonly state: 'skipped'
  readonly line: string
}

/**
 * The server, or the reason for which its tests are skipped. Give the line to the test runner, which lists it at the end:
 * `beforeEach(({ skip }) => { if (server.state === 'skipped') skip(server.line) })`.
 *
 * @throws Error with the same line when `REQUIRE_SERVERS=all`: where everything must run, a skip is a failure.
 */
export async function availableServer(row: ServerRow, options: ResolveOptions = {}): Promise<Located | Skip> {
  const { env = process.env } = options
  const resolution = await resolveServer(row, options)
  if (resolution.state === 'located') return resolution
  const line = `${resolution.name} is missing (${resolution.reason}): "npm run servers" brings it`
  if (env['REQUIRE_SERVERS'] === 'all') throw new Error(`${line} (REQUIRE_SERVERS=all allows no skip)`)
  return { state: 'skipped', line }
}
