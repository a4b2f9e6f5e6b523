import type { Collection } from '../../../core/key-authority.ts'
import type { Action, Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import { parseMapping, printMapping } from '../mapping-shape.ts'

type MappedCollection = Exclude<Collection, 'api-keys'>

/** Which members of users, profiles and roles can be searched. */
export const mappingActions: Controller = {
  getUserMapping: { routes: [{ verb: 'GET', path: '/users/_mapping' }], run: readMapping('users') },
  getProfileMapping: { routes: [{ verb: 'GET', path: '/profiles/_mapping' }], run: readMapping('profiles') },
  getRoleMapping: { routes: [{ verb: 'GET', path: '/roles/_mapping' }], run: readMapping('roles') },

  updateUserMapping: { routes: [{ verb: 'PUT', path: '/users/_mapping' }], run: extendMapping('users') },
  updateProfileMapping: {
    routes: [{ verb: 'PUT', path: '/profiles/_mapping' }],
    run: extendMapping('profiles'),
  },
  updateRoleMapping: { routes: [{ verb: 'PUT', path: '/roles/_mapping' }], run: extendMapping('roles') },

  refresh: {
    routes: [{ verb: 'POST', path: '/_security/:collection/_refresh' }],
    async run(request) {
      const collection = request.string('collection')
      // Every read sees every acknowledged write already: there is nothing to refresh.
      if (REFRESHABLE.includes(collection)) return null
      return fail('api.assert.unexpected_argument', collection, REFRESHABLE)
    },
  },
}

const REFRESHABLE: readonly string[] = ['users', 'profiles', 'roles'] satisfies readonly MappedCollection[]

function readMapping(collection: MappedCollection): Action['run'] {
  return async (_request, { authority }) => ({
    mapping: printMapping(await authority.administration.mapping(collection)),
  })
}

function extendMapping(collection: MappedCollection): Action['run'] {
  return async (request, { authority, caller }) => {
    const added = parseMapping(request.bodyObjectWhole())
    const mapping = await authority.administration.extendMapping(caller, collection, added)
    return { dynamic: 'false', _meta: {}, properties: printMapping(mapping) }
  }
}
