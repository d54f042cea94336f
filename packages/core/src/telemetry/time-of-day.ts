/** How far the time that is told may be from the wall clock's before it follows, in milliseconds. */
const toleranceMs = 2

/**
 * The time of day in milliseconds since the Unix epoch, with their fractions: `Date.now()` cuts them off, and spans of less
 * than a millisecond would stand in the wrong order.
 */
export function preciseTimeOfDay(): () => number {
  let offsetMs = performance.timeOrigin
  return () => {
    const elapsedMs = performance.now()
    const seenMs = Date.now() - elapsedMs // up to a millisecond less than the truth
    // The wall clock was set, or the other one stood still in a suspend.
    if (seenMs > offsetMs || seenMs < offsetMs - toleranceMs) offsetMs = seenMs
    return elapsedMs + offsetMs
  }
}
