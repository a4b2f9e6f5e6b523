import type { Origin } from '../audit/audit-event.ts'
import type { Context } from '../context.ts'
import { ANONYMOUS_USER } from './anonymous-user.ts'
import type { Caller, GoodToken } from './caller.ts'
import { getUser } from './find-users.ts'

/** The caller behind a good token, or the anonymous one. @throws {DomainError} `user.not_found` */
export async function identifyCaller(
  context: Context,
  token: GoodToken | undefined,
  origin: Origin,
): Promise<Caller> {
  if (token === undefined) return { user: ANONYMOUS_USER, origin }
  const owner = token.kind === 'key' ? token.key.owner : token.session.owner
  return { user: await getUser(context, owner), token, origin }
}
