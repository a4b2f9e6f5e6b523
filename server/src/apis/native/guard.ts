import type { Right } from '../../core/access/rights.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { authenticate } from './authenticate.ts'
import { asProblem, problemReply } from './problem-document.ts'
import { requireRight } from './require-right.ts'
import { type AddressOf, originOfRequest, sceneOf } from './scene.ts'

/** The refusal of a request whose caller does not have a right; undefined when it has. */
export type Guard = (request: HttpRequest, right: Right) => Promise<HttpReply | undefined>

/** What callers are judged by. */
export type GuardParts = {
  readonly authority: KeyAuthority
  readonly clock: Clock
  readonly addressOf: AddressOf
  /** See `NativeSettings`. */
  readonly publicUrl?: string
}

/** Guards routes that are not of this API, and takes tokens and refuses as this API does. */
export function createGuard({ authority, clock, addressOf, publicUrl }: GuardParts): Guard {
  return async (request, right) => {
    const scene = sceneOf(request, publicUrl)
    try {
      const origin = originOfRequest(request, scene, addressOf)
      const caller = await authenticate({ authority, clock }, request, origin, 'counted')
      await requireRight(authority, caller, right)
      return undefined
    } catch (error) {
      const problem = asProblem(error)
      if (problem === undefined) throw error
      const reply = problemReply(problem, scene)
      const headers = { ...reply.headers, 'Cache-Control': 'no-store', 'X-Request-Id': scene.requestId }
      return { ...reply, headers }
    }
  }
}
