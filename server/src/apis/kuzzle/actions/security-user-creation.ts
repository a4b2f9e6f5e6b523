import type { UserRequest } from '../../../core/key-authority.ts'
import type { Controller } from '../action.ts'
import type { KuzzleRequest } from '../request.ts'
import { userDocument } from '../security-documents.ts'
import { parseUserId } from '../security-ids.ts'
import {
  ownMembers,
  parseCredentials,
  parseUserWithoutProfiles,
  parseUserWithProfiles,
} from '../user-shape.ts'
import { checkRetries } from './security-retries.ts'

/** Every way to create a user. */
export const userCreationActions: Controller = {
  createUser: {
    routes: [
      { verb: 'POST', path: '/users/_create' },
      { verb: 'POST', path: '/users/:_id/_create', published: false },
    ],
    async run(request, { authority, caller }) {
      const user = parseUserWithProfiles('body.content', request.bodyObject('content'))
      return userDocument(await authority.users.create(caller, { ...newUser(request), ...user }))
    },
  },

  createRestrictedUser: {
    routes: [
      { verb: 'POST', path: '/users/_createRestricted' },
      { verb: 'POST', path: '/users/:_id/_createRestricted', published: false },
    ],
    async run(request, { authority, caller }) {
      const content = parseUserWithoutProfiles('body.content', request.bodyObject('content', {}))
      return userDocument(await authority.users.createRestricted(caller, { ...newUser(request), content }))
    },
  },

  createFirstAdmin: {
    routes: [
      { verb: 'POST', path: '/_createFirstAdmin' },
      { verb: 'POST', path: '/_createFirstAdmin/:_id', published: false },
    ],
    async run(request, { authority, caller }) {
      // Kuzzle overwrites whatever profiles the client names here with `admin`.
      const content = ownMembers(request.bodyObject('content', {}))
      const restrictRights = request.boolean('reset')
      const user = { ...newUser(request), content, restrictRights }
      return userDocument(await authority.users.createFirstAdmin(caller, user))
    },
  },

  upsertUser: {
    routes: [{ verb: 'POST', path: '/users/:_id/_upsert' }],
    async run(request, { authority, caller }) {
      const id = parseUserId(request.id())
      const user = parseUserWithProfiles('body.content', request.bodyObject('content'))
      const defaults = ownMembers(request.bodyObject('default', {}))
      const credentials = parseCredentials('body.credentials', request.bodyObject('credentials', {}))
      checkRetries(request)
      return userDocument(await authority.users.upsert(caller, id, { ...user, defaults, credentials }))
    },
  },
}

function newUser(request: KuzzleRequest): Pick<UserRequest, 'id' | 'idKind' | 'credentials'> {
  const id = request.optionalId()
  return {
    ...(id === undefined ? {} : { id: parseUserId(id) }),
    idKind: request.optionalString('kuid') === 'uuid' ? 'uuid' : 'human',
    credentials: parseCredentials('body.credentials', request.bodyObject('credentials', {})),
  }
}
