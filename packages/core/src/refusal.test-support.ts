import { KeyfoldError } from './errors.ts'

/** The KeyfoldError that a call refuses with. */
export async function refusal(run: () => unknown): Promise<KeyfoldError> {
  let value: unknown
  try {
    value = await run()
  } catch (error) {
    if (KeyfoldError.is(error)) return error
    throw new Error('refused with something other than a KeyfoldError', { cause: error })
  }
  throw new Error(`not refused: ${typeof value}`)
}

export async function codeOf(run: () => unknown): Promise<string> {
  return (await refusal(run)).code
}
