import type { Clock } from '../clock.ts'
import { demandOptions, optionNames } from '../demand-options.ts'
import { type ErrorCode, errorCodes, KeyfoldError } from '../errors.ts'
import { Script, type ScriptTerms } from './script.ts'
import { WaitingRoom } from './waiting-room.ts'

/** How the calls of a made-up service fare: they fail and wait as a test wrote it down. */
export class ScriptedService<Operation extends string> {
  readonly #name: string
  readonly #failures: Script<Operation, () => KeyfoldError>
  readonly #delays: Script<Operation, number>
  readonly #room: WaitingRoom

  /** @param name for the errors */
  constructor(name: string, operations: readonly Operation[], clock: Clock) {
    this.#name = name
    this.#failures = new Script(operations)
    this.#delays = new Script(operations)
    this.#room = new WaitingRoom(clock)
  }

  /** What befalls a call before it is answered. @throws KeyfoldError `ABORTED`, or what the test wants */
  async befall(operation: Operation, signal: AbortSignal): Promise<void> {
    const failure = this.#failures.next(operation)
    const delayMs = this.#delays.next(operation)
    if (delayMs !== undefined) await this.#room.wait(delayMs, signal)
    if (failure !== undefined) throw failure()
  }

  fail(failure: ErrorCode | KeyfoldError, terms: ScriptTerms<Operation> = {}): void {
    this.#failures.add(failureOf(this.#name, failure), demandTerms('fail', terms))
  }

  delay(ms: number, terms: ScriptTerms<Operation> = {}): void {
    if (!(Number.isFinite(ms) && ms >= 0)) {
      throw new KeyfoldError('INVALID_ARGUMENT', 'delay: expected a number of milliseconds; hang() waits for ever')
    }
    this.#delays.add(ms, demandTerms('delay', terms))
  }

  hang(terms: ScriptTerms<Operation> = {}): void {
    this.#delays.add(Number.POSITIVE_INFINITY, demandTerms('hang', terms))
  }

  recover(): void {
    this.#failures.clear()
    this.#delays.clear()
    this.#room.letGo()
  }
}

/** A new error for each call, as a service's are, unless the test gave the error itself. */
function failureOf(name: string, failure: ErrorCode | KeyfoldError): () => KeyfoldError {
  if (KeyfoldError.is(failure)) return () => failure
  if (errorCodes.includes(failure)) return () => new KeyfoldError(failure, `${name}: the test says ${failure}`)
  throw new KeyfoldError('INVALID_ARGUMENT', 'fail: expected a KeyfoldError or one of its codes')
}

const termNames = optionNames<ScriptTerms<string>>({ operation: true, times: true })

function demandTerms<Operation extends string>(what: string, terms: ScriptTerms<Operation>): ScriptTerms<Operation> {
  demandOptions(what, terms, termNames)
  return terms
}
