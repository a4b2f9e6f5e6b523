import type { Controller } from '../action.ts'
import type { KuzzleRequest } from '../request.ts'
import { parseProfileId, parseUserId } from '../security-ids.ts'

/** What users and profiles may do. */
export const rightActions: Controller = {
  checkRights: {
    routes: [{ verb: 'POST', path: '/_checkRights/:userId' }],
    async run(request, { authority }) {
      const id = parseUserId(namedUser(request))
      const right = { controller: request.bodyString('controller'), action: request.bodyString('action') }
      const user = await authority.users.get(id)
      return { allowed: await authority.tokens.mayUser(user, { ...right, ...dataOf(request) }) }
    },
  },

  getUserRights: {
    routes: [{ verb: 'GET', path: '/users/:_id/_rights' }],
    async run(request, { authority }) {
      const user = await authority.users.get(parseUserId(request.id()))
      const hits = await authority.users.rights(user)
      return { hits, total: hits.length }
    },
  },

  getProfileRights: {
    routes: [{ verb: 'GET', path: '/profiles/:_id/_rights' }],
    async run(request, { authority }) {
      const hits = await authority.profiles.rights(parseProfileId(request.id()))
      return { hits, total: hits.length }
    },
  },

  restrictDefaultRights: {
    routes: [{ verb: 'POST', path: '/_restrictDefaultRights' }],
    async run(_request, { authority, caller }) {
      await authority.administration.restrictDefaultRights(caller)
    },
  },
}

/** Kuzzle's code reads `userId`, its documentation says `_id`. */
function namedUser(request: KuzzleRequest): string {
  return request.optionalString('userId') ?? request.optionalId() ?? request.string('userId')
}

/** The data that the checked request names, which matters where policies are restricted. */
function dataOf(request: KuzzleRequest): { readonly index?: string; readonly collection?: string } {
  const { index, collection } = request.bodyObjectWhole()
  return {
    ...(typeof index === 'string' ? { index } : {}),
    ...(typeof collection === 'string' ? { collection } : {}),
  }
}
