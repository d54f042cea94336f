import type { Clock } from '../clock.ts'

/** When something started, by both of a clock's hands. */
export interface Moment {
  readonly clock: Clock
  readonly wallMs: number
  readonly monotonicMs: number
}

export function momentOf(clock: Clock): Moment {
  return { clock, wallMs: clock.now(), monotonicMs: clock.monotonic() }
}

/** How far the two hands may come apart: more than a clock is corrected by while it runs. */
const mostApartMs = 2000

/**
 * How long ago a moment was, in milliseconds: the larger of what the two hands say, since the monotonic one stands still in
 * a suspended machine and the wall clock may be set back.
 *
 * @returns undefined where the hands came apart: the machine was suspended or copied, or its clock was set, and then
 *   neither tells how long it was
 */
export function elapsedMs({ clock, wallMs, monotonicMs }: Moment): number | undefined {
  const wall = clock.now() - wallMs
  const monotonic = clock.monotonic() - monotonicMs
  // A clock that gives no number says as little as one that was set.
  return Math.abs(wall - monotonic) <= mostApartMs ? Math.max(wall, monotonic) : undefined
}
