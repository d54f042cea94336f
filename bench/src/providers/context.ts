import { createHash } from 'node:crypto'
import type { KeyContext } from '@keyfold/core'
import { context } from '../fixtures.ts'

const contextBytes = new TextEncoder().encode(JSON.stringify(context))

/** What wraps and unwraps are bound to. The bytes stand for the format's: how they came about is not measured here. */
export const bound: KeyContext = { context, contextBytes }

/** What those services are given that do not take the context as it is. */
export const digest: Uint8Array = createHash('sha256').update(contextBytes).digest()
