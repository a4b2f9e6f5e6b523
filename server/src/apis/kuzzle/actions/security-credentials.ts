import { ANONYMOUS_ID } from '../../../core/ids.ts'
import type { CredentialsInfo } from '../../../core/key-authority.ts'
import type { Controller } from '../action.ts'
import { parseUserId } from '../security-ids.ts'

/** Credentials of any user. */
export const credentialActions: Controller = {
  createCredentials: {
    routes: [{ verb: 'POST', path: '/credentials/:strategy/:_id/_create' }],
    async run(request, { authority, caller }) {
      const strategy = request.string('strategy')
      const body = request.bodyObjectWhole()
      const owner = parseUserId(request.id())
      return credentialsDocument(await authority.credentials.create(caller, strategy, owner, body))
    },
  },

  updateCredentials: {
    routes: [{ verb: 'PUT', path: '/credentials/:strategy/:_id/_update' }],
    async run(request, { authority, caller }) {
      const strategy = request.string('strategy')
      const body = request.bodyObjectWhole()
      const owner = parseUserId(request.id())
      return credentialsDocument(await authority.credentials.update(caller, strategy, owner, body))
    },
  },

  validateCredentials: {
    routes: [{ verb: 'POST', path: '/credentials/:strategy/:_id/_validate' }],
    async run(request, { authority }) {
      const strategy = request.string('strategy')
      const body = request.bodyObjectWhole()
      const id = request.optionalId()
      await authority.credentials.validate(strategy, id === undefined ? undefined : parseUserId(id), body)
      return true
    },
  },

  deleteCredentials: {
    routes: [{ verb: 'DELETE', path: '/credentials/:strategy/:_id' }],
    async run(request, { authority, caller }) {
      const strategy = request.string('strategy')
      await authority.credentials.remove(caller, strategy, parseUserId(request.id()))
      return { acknowledged: true }
    },
  },

  hasCredentials: {
    routes: [{ verb: 'GET', path: '/credentials/:strategy/:_id/_exists' }],
    run: (request, { authority }) =>
      authority.credentials.exist(request.string('strategy'), parseUserId(request.id())),
  },

  getCredentials: {
    routes: [{ verb: 'GET', path: '/credentials/:strategy/:_id' }],
    async run(request, { authority }) {
      const strategy = request.string('strategy')
      return credentialsDocument(await authority.credentials.get(strategy, parseUserId(request.id())))
    },
  },

  getCredentialsById: {
    routes: [{ verb: 'GET', path: '/credentials/:strategy/:_id/_byId' }],
    async run(request, { authority }) {
      const strategy = request.string('strategy')
      return credentialsDocument(await authority.credentials.getByUsername(strategy, request.id()))
    },
  },

  getCredentialFields: {
    routes: [{ verb: 'GET', path: '/credentials/:strategy/_fields' }],
    run: async (request, { authority }) => authority.credentials.fields(request.string('strategy')),
  },

  getAllCredentialFields: {
    routes: [{ verb: 'GET', path: '/credentials/_fields' }],
    async run(_request, { authority }) {
      const strategies = authority.sessions.strategies()
      return Object.fromEntries(
        strategies.map((strategy) => [strategy, authority.credentials.fields(strategy)]),
      )
    },
  },

  getUserStrategies: {
    routes: [{ verb: 'GET', path: '/users/:_id/_strategies' }],
    async run(request, { authority }) {
      const user = await authority.users.get(parseUserId(request.id()))
      const strategies = user.id === ANONYMOUS_ID ? [] : await authority.credentials.strategiesOf(user.id)
      return { strategies, total: strategies.length }
    },
  },
}

/** Credentials as the `local` strategy of Kuzzle tells of them. */
export function credentialsDocument(credentials: CredentialsInfo) {
  return { username: credentials.username, kuid: credentials.owner }
}
