#!/usr/bin/env node
import { run } from './index.ts'
import { listenForSignals } from './signals.ts'

const interruption = listenForSignals(process)
const { stdin, stdout, stderr, env } = process
// A reader that is gone (`keyfold --help | head -1`) is no crash; whoever writes a result is told by its own callback.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined)
const exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: interruption.signal })
const interruptedCode = interruption.exitCode()
process.exitCode = exitCode === 0 ? 0 : (interruptedCode ?? exitCode)
// What is still open (a terminal as standard input, a scrypt that nobody waits for) must not keep the process.
if (exitCode !== 0) stdin.destroy()
if (interruptedCode !== undefined) process.exit()
