import type { Controller } from '../action.ts'
import { userDocument } from '../security-documents.ts'
import { parseUserId } from '../security-ids.ts'
import { parseUser, parseUserWithProfiles } from '../user-shape.ts'
import { deletionResult, idsToDelete, idsToFetch } from './security-batches.ts'
import { checkRetries } from './security-retries.ts'

/** Reading, changing and deleting users. */
export const userActions: Controller = {
  getUser: {
    routes: [{ verb: 'GET', path: '/users/:_id' }],
    run: async (request, { authority }) => userDocument(await authority.users.get(parseUserId(request.id()))),
  },

  mGetUsers: {
    routes: [
      { verb: 'POST', path: '/users/_mGet' },
      { verb: 'GET', path: '/users/_mGet', published: false },
    ],
    async run(request, { authority, server }) {
      const users = await authority.users.getMany(idsToFetch(request.ids(), server).map(parseUserId))
      return { hits: users.map(userDocument) }
    },
  },

  updateUser: {
    routes: [{ verb: 'PUT', path: '/users/:_id/_update' }],
    async run(request, { authority, caller }) {
      const id = parseUserId(request.id())
      const change = parseUser('body', request.bodyObjectWhole())
      checkRetries(request)
      return userDocument(await authority.users.update(caller, id, change))
    },
  },

  replaceUser: {
    routes: [{ verb: 'PUT', path: '/users/:_id/_replace' }],
    async run(request, { authority, caller }) {
      const id = parseUserId(request.id())
      const user = parseUserWithProfiles('body', request.bodyObjectWhole())
      return userDocument(await authority.users.replace(caller, id, user))
    },
  },

  deleteUser: {
    routes: [{ verb: 'DELETE', path: '/users/:_id' }],
    async run(request, { authority, caller }) {
      const id = parseUserId(request.id())
      await authority.users.remove(caller, id)
      return { _id: id }
    },
  },

  mDeleteUsers: {
    routes: [{ verb: 'POST', path: '/users/_mDelete' }],
    async run(request, { authority, caller, server }) {
      const ids = idsToDelete(request, server).map(parseUserId)
      return deletionResult(await authority.users.removeMany(caller, ids))
    },
  },

  revokeTokens: {
    routes: [{ verb: 'DELETE', path: '/users/:_id/tokens' }],
    async run(request, { authority, caller }) {
      await authority.sessions.revokeAll(caller, parseUserId(request.id()))
      return null
    },
  },
}
