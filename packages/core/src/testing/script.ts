import { KeyfoldError } from '../errors.ts'

/** Which calls a line of a script is about. */
export interface ScriptTerms<Operation extends string> {
  /** Only calls of this operation. Default all. */
  readonly operation?: Operation | undefined
  /** Only the next so many of them. Default all, until `recover()` or another line that counts none. */
  readonly times?: number | undefined
}

interface Line<Operation, Effect> {
  readonly effect: Effect
  readonly operation: Operation | undefined
  left: number
}

/**
 * What is to happen to coming calls. Lines that count their calls come first, in their order; of those that do not, the
 * last one holds.
 */
export class Script<Operation extends string, Effect> {
  readonly #counted: Line<Operation, Effect>[] = []
  readonly #standing: Line<Operation, Effect>[] = []
  readonly #operations: readonly Operation[]

  constructor(operations: readonly Operation[]) {
    this.#operations = operations
  }

  /** @throws KeyfoldError `INVALID_ARGUMENT` */
  add(effect: Effect, { operation, times }: ScriptTerms<Operation>): void {
    if (operation !== undefined && !this.#operations.includes(operation)) {
      throw new KeyfoldError('INVALID_ARGUMENT', `operation: expected one of ${this.#operations.join(', ')}`)
    }
    if (times !== undefined && !(Number.isInteger(times) && times > 0)) {
      throw new KeyfoldError('INVALID_ARGUMENT', 'times: expected a whole number of at least 1')
    }
    if (times === undefined) this.#standing.push({ effect, operation, left: Number.POSITIVE_INFINITY })
    else this.#counted.push({ effect, operation, left: times })
  }

  /** What happens to the call that comes now; undefined where nothing does. */
  next(operation: Operation): Effect | undefined {
    const isAbout = (line: Line<Operation, Effect>) => line.operation === undefined || line.operation === operation
    const line = this.#counted.find((one) => one.left > 0 && isAbout(one)) ?? this.#standing.findLast(isAbout)
    if (line === undefined) return undefined
    line.left -= 1
    return line.effect
  }

  clear(): void {
    this.#counted.length = 0
    this.#standing.length = 0
  }
}
