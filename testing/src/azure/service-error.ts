/** What a service answers when it refuses. */
export interface ServiceError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** The code of the inner error, where the service gives one. */
  readonly inner?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Leaves a handler with a refusal, which is an answer and no fault of the server. */
export class Refusal extends Error {
  readonly error: ServiceError

  constructor(error: ServiceError) {
    super(`${error.status} ${error.code}: ${error.message}`)
    this.error = error
  }
}

export function badParameter(message: string): Refusal {
  return new Refusal({ status: 400, code: 'BadParameter', message })
}

/** One text for a wrong key, a wrong version and damage: the service does not say which. */
export function incorrect(): Refusal {
  return badParameter('The parameter is incorrect.\r\n')
}

export function forbidden(message: string, inner: string): Refusal {
  return new Refusal({ status: 403, code: 'Forbidden', message, inner })
}

export function keyNotFound(name: string): Refusal {
  const message =
    `A key with (name/id) ${name} was not found in this key vault. If you recently deleted this key you may be able ` +
    'to recover it using the correct recovery command.'
  return new Refusal({ status: 404, code: 'KeyNotFound', message })
}

export function deletedKeyNotFound(name: string): Refusal {
  return new Refusal({ status: 404, code: 'KeyNotFound', message: `Deleted Key not found: ${name}` })
}

export function conflict(message: string, inner: string): Refusal {
  return new Refusal({ status: 409, code: 'Conflict', message, inner })
}

/** The body of an error. */
export function errorBody({ code, message, inner }: ServiceError): unknown {
  return { error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } }
}
