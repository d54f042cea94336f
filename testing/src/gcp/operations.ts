/** A message as a plain object: bytes as `Uint8Array`, 64-bit integers as text, enums by name, absent fields absent. */
export type Message = Record<string, unknown>

/** What a service can do, by the methods' names. Anything else is UNIMPLEMENTED. */
export type Operations = Readonly<Record<string, (request: Message) => Message>>
