import { z } from 'zod'
import type { UserId } from '../../core/ids.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { ownerId } from './key-schemas.ts'
import { requireRight } from './require-right.ts'
import { strict } from './strict-object.ts'
import { duration, instantOut } from './time-schemas.ts'

const username = z.string().min(1).max(512)
const password = z.string().min(1).max(1_024)

/** Sessions of people, and the first of them. */
export const SESSION_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'logIn',
    method: 'POST',
    path: '/v1/login',
    group: 'Tokens',
    summary: 'Exchanges a password for a session, whose token is used as a key is',
    access: 'none',
    body: {
      schema: strict({
        username,
        password,
        ttl: duration
          .meta({ description: 'How long the session lives, in ms or as ISO 8601.' })
          .exactOptional(),
      }),
      kind: 'json',
    },
    answers: {
      200: {
        description: 'The session',
        schema: strict({ token: z.string(), owner: z.string(), expiresAt: instantOut.nullable() }),
      },
    },
    problems: [
      'login.failed',
      'login.too_many',
      'session.ttl_exceeded',
      'session.ttl_invalid',
      'right.missing',
    ],
    async run({ body }, { authority, caller, origin }) {
      await requireRight(authority, caller, { controller: 'auth', action: 'login' })
      const { ttl, ...credentials } = body
      const request = { strategy: 'local', ...credentials, ...(ttl !== undefined && { ttlMs: ttl }) }
      const { token, issued } = await authority.sessions.login(request, origin)
      const { owner, expiresAt = null } = issued
      return { status: 200, json: { token: token.reveal(), owner, expiresAt } }
    },
  }),

  endpoint({
    name: 'logOut',
    method: 'DELETE',
    path: '/v1/session',
    group: 'Tokens',
    summary: 'Ends the session that the caller shows; a key is not ended by this',
    access: 'uncounted',
    answers: { 204: { description: 'The session is over' } },
    problems: [],
    async run(_input, { authority, caller }) {
      await authority.sessions.logout(caller, false)
      return { status: 204 }
    },
  }),

  endpoint({
    name: 'createFirstAdmin',
    method: 'POST',
    path: '/v1/first-admin',
    group: 'Owners and roles',
    summary: 'Creates the first administrator, for somebody on the same host while there is none',
    access: 'none',
    body: { schema: strict({ id: ownerId.exactOptional(), username, password }), kind: 'json' },
    answers: {
      201: {
        description: 'The administrator',
        schema: strict({ id: z.string(), roles: z.array(z.string()) }),
      },
    },
    problems: ['right.missing', 'admin.exists', 'id.invalid', 'user.already_exists', 'credentials.invalid'],
    async run({ body }, { authority, caller }) {
      await requireRight(authority, caller, { controller: 'security', action: 'createFirstAdmin' })
      const { id = body.username as UserId, ...local } = body
      const user = await authority.users.createFirstAdmin(caller, {
        id,
        idKind: 'human',
        content: {},
        credentials: { local },
        restrictRights: false,
      })
      return { status: 201, json: { id: user.id, roles: user.profileIds } }
    },
  }),
]
