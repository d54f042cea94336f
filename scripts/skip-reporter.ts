// A skip that nobody sees is a test that nobody has: the run ends with their number, and a line for each reason or nameless skip.
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
    if (skipped.length === 0) return
    const reasons = Map.groupBy(skipped, reason)
    console.log(`\nSKIPPED: ${skipped.length} ${skipped.length === 1 ? 'test' : 'tests'}`)
    for (const [line, tests] of reasons) console.log(`  ${tests.length} × ${line}`)
  }
}

/** Tests that a server's absence skips share its note and a line; any other skip shows its own name. */
function reason(test: TestCase): string {
  const result = test.result()
  const note = result.state === 'skipped' ? result.note : undefined
  return note ? `${test.project.name}: ${note}` : `${test.project.name}: ${test.fullName}`
}
