import type { Caller } from '../../../core/access/caller.ts'
import { ANONYMOUS_ID } from '../../../core/ids.ts'
import type { Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import type { KuzzleRequest } from '../request.ts'

/** What the caller may do. */
export const ownRightActions: Controller = {
  checkRights: {
    routes: [{ verb: 'POST', path: '/_checkRights' }],
    async run(request, { authority, caller }) {
      const right = { controller: request.bodyString('controller'), action: request.bodyString('action') }
      const { index, collection } = request.bodyObjectWhole()
      const allowed = await authority.tokens.isAllowed(caller, {
        ...right,
        ...(typeof index === 'string' && { index }),
        ...(typeof collection === 'string' && { collection }),
      })
      return { allowed }
    },
  },

  getMyRights: {
    routes: [
      { verb: 'GET', path: '/_me/_rights' },
      { verb: 'GET', path: '/users/_me/_rights', ...aliasOf('/_me/_rights') },
    ],
    async run(_request, { authority, caller }) {
      const hits = await authority.users.rights(caller.user)
      return { hits, total: hits.length }
    },
  },
}

/** Refuses the anonymous user. @throws {KuzzleError} `security.rights.unauthorized` */
export function checkIdentified(request: KuzzleRequest, { user }: Caller): void {
  if (user.id === ANONYMOUS_ID) fail('security.rights.unauthorized', request.controller, request.action)
}

/** Marks a route as an old name of another. */
export function aliasOf(path: string) {
  const message = `Use this route instead: http://kuzzle:7512${path}`
  return { published: false, deprecated: { message, version: '2.4.0' } } as const
}
