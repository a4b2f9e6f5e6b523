import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts'
import type { Securities } from '../../../core/key-authority.ts'
import type { Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import { parseProfile } from '../profile-shape.ts'
import type { KuzzleRequest } from '../request.ts'
import { parseRole } from '../role-shape.ts'
import { parseCredentials, parseUserWithProfiles } from '../user-shape.ts'

/** Those actions of Kuzzle's `admin` controller that concern users and rights, or that test suites call around them. */
export const adminController: Controller = {
  loadSecurities: {
    routes: [{ verb: 'POST', path: '/admin/_loadSecurities' }],
    async run(request, { authority, caller }) {
      const securities = parseSecurities(request.bodyObjectWhole())
      const options = { force: request.boolean('force'), existingUsers: existingUsers(request) }
      await authority.administration.loadSecurities(caller, securities, options)
      return ACKNOWLEDGED
    },
  },

  resetSecurity: {
    routes: [{ verb: 'POST', path: '/admin/_resetSecurity' }],
    run: (_request, { authority, caller }) => authority.administration.resetSecurity(caller),
  },

  resetDatabase: {
    routes: [{ verb: 'POST', path: '/admin/_resetDatabase' }],
    // Kuzzle drops the documents of its users here, and nothing else. There are none to drop.
    run: async () => ACKNOWLEDGED,
  },

  loadMappings: {
    routes: [{ verb: 'POST', path: '/admin/_loadMappings' }],
    run: async (request) => refuseDocuments(request.bodyObjectWhole()),
  },

  loadFixtures: {
    routes: [{ verb: 'POST', path: '/admin/_loadFixtures' }],
    run: async (request) => refuseDocuments(request.bodyObjectWhole()),
  },
}

/** The spelling is Kuzzle's: `acknowledged` elsewhere. */
const ACKNOWLEDGED = { acknowledge: true } as const

function refuseDocuments(documents: JsonObject): typeof ACKNOWLEDGED {
  const index = Object.keys(documents)[0]
  if (index === undefined) return ACKNOWLEDGED
  return fail(
    'services.storage.unexpected_bad_request',
    `Cannot create the index "${index}": this server keeps users, rights and API keys, and no documents`,
  )
}

function parseSecurities(body: JsonObject): Securities {
  return {
    roles: mapMembers('body.roles', body['roles'], (id, role) => parseRole(id, role)),
    profiles: mapMembers('body.profiles', body['profiles'], (id, profile) => parseProfile(id, profile)),
    users: mapMembers('body.users', body['users'], parseLoadedUser),
  }
}

function parseLoadedUser(id: string, user: JsonObject): Securities['users'][string] {
  const name = `body.users.${id}`
  const content = user['content'] ?? fail('api.assert.missing_argument', `${name}.content`)
  const credentials = user['credentials'] ?? {}
  return {
    ...parseUserWithProfiles(`${name}.content`, objectOf(`${name}.content`, content)),
    credentials: parseCredentials(`${name}.credentials`, objectOf(`${name}.credentials`, credentials)),
  }
}

function mapMembers<T>(
  name: string,
  members: JsonValue | undefined,
  parse: (id: string, member: JsonObject) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.entries(objectOf(name, members ?? {})).map(([id, member]) => [
      id,
      parse(id, objectOf(`${name}.${id}`, member)),
    ]),
  )
}

function objectOf(name: string, value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : fail('api.assert.invalid_type', name, 'object')
}

function existingUsers(request: KuzzleRequest): 'fail' | 'skip' | 'overwrite' {
  const choice = request.optionalString('onExistingUsers') ?? 'fail'
  if (choice === 'fail' || choice === 'skip' || choice === 'overwrite') return choice
  return fail('api.assert.invalid_argument', 'onExistingUsers', '"fail", "skip" or "overwrite"')
}
