import { ANONYMOUS_ID } from '../../../core/ids.ts'
import type { CredentialsInfo } from '../../../core/key-authority.ts'
import type { Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import { userDocument } from '../security-documents.ts'
import { ownMembers } from '../user-shape.ts'
import { aliasOf, checkIdentified } from './auth-rights.ts'

/** The caller itself, and what it logs in with. */
export const ownUserActions: Controller = {
  getCurrentUser: {
    routes: [
      { verb: 'GET', path: '/_me' },
      { verb: 'GET', path: '/users/_me', ...aliasOf('/_me') },
    ],
    async run(_request, { authority, caller: { user } }) {
      const strategies = user.id === ANONYMOUS_ID ? [] : await authority.credentials.strategiesOf(user.id)
      return { ...userDocument(user), strategies }
    },
  },

  updateSelf: {
    routes: [
      { verb: 'PUT', path: '/_me' },
      { verb: 'PUT', path: '/_updateSelf', ...aliasOf('/_me') },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      const { _id, ...members } = request.bodyObjectWhole()
      if (_id) return fail('api.assert.forbidden_argument', 'body._id')
      if (members['profileIds']) return fail('api.assert.forbidden_argument', 'body.profileIds')
      request.integer('retryOnConflict', 10)
      return userDocument(
        await authority.users.update(caller, caller.user.id, { content: ownMembers(members) }),
      )
    },
  },

  createMyCredentials: {
    routes: [
      { verb: 'POST', path: '/_me/credentials/:strategy/_create' },
      {
        verb: 'POST',
        path: '/credentials/:strategy/_me/_create',
        ...aliasOf('/_me/credentials/:strategy/_create'),
      },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      const strategy = request.string('strategy')
      const body = request.bodyObjectWhole()
      return credentialsResult(await authority.credentials.create(caller, strategy, caller.user.id, body))
    },
  },

  updateMyCredentials: {
    routes: [
      { verb: 'PUT', path: '/_me/credentials/:strategy/_update' },
      {
        verb: 'PUT',
        path: '/credentials/:strategy/_me/_update',
        ...aliasOf('/_me/credentials/:strategy/_update'),
      },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      const strategy = request.string('strategy')
      const body = request.bodyObjectWhole()
      return credentialsResult(await authority.credentials.update(caller, strategy, caller.user.id, body))
    },
  },

  validateMyCredentials: {
    routes: [
      { verb: 'POST', path: '/_me/credentials/:strategy/_validate' },
      {
        verb: 'POST',
        path: '/credentials/:strategy/_me/_validate',
        ...aliasOf('/_me/credentials/:strategy/_validate'),
      },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      const strategy = request.string('strategy')
      await authority.credentials.validate(strategy, caller.user.id, request.bodyObjectWhole())
      return true
    },
  },

  deleteMyCredentials: {
    routes: [
      { verb: 'DELETE', path: '/_me/credentials/:strategy' },
      { verb: 'DELETE', path: '/credentials/:strategy/_me', ...aliasOf('/_me/credentials/:strategy') },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      await authority.credentials.remove(caller, request.string('strategy'), caller.user.id)
      return { acknowledged: true }
    },
  },

  credentialsExist: {
    routes: [
      { verb: 'GET', path: '/_me/credentials/:strategy/_exists' },
      {
        verb: 'GET',
        path: '/credentials/:strategy/_me/_exists',
        ...aliasOf('/_me/credentials/:strategy/_exists'),
      },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      return authority.credentials.exist(request.string('strategy'), caller.user.id)
    },
  },

  getMyCredentials: {
    routes: [
      { verb: 'GET', path: '/_me/credentials/:strategy' },
      { verb: 'GET', path: '/credentials/:strategy/_me', ...aliasOf('/_me/credentials/:strategy') },
    ],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      return credentialsResult(await authority.credentials.get(request.string('strategy'), caller.user.id))
    },
  },
}

function credentialsResult({ username, owner }: CredentialsInfo) {
  return { username, kuid: owner }
}
