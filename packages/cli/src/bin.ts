#!/usr/bin/env node
import { run } from './index.ts'

/** An interrupted run unwinds and removes its temporary files; a second signal ends it as it stands. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const controller = new AbortController()
let interruptedBy: keyof typeof signals | undefined
for (const signal of Object.keys(signals) as (keyof typeof signals)[]) {
  // the object's own keys
  process.once(signal, () => {
    interruptedBy ??= signal
    controller.abort()
  })
}

const { stdin, stdout, stderr, env } = process
// A reader that is gone (`keyfold --help | head -1`) is no crash; whoever writes a result is told by its own callback.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined)
const exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: controller.signal })
process.exitCode = exitCode !== 0 && interruptedBy !== undefined ? signals[interruptedBy] : exitCode
// What is still open (a terminal as standard input, a scrypt that nobody waits for) must not keep the process.
if (exitCode !== 0) stdin.destroy()
if (interruptedBy !== undefined) process.exit()
