import type { ProfileId, RoleId } from '../ids.ts'
import type { ActionRights, ControllerRights } from './role.ts'

/** Names of the roles that always exist, each held by the profile of the same name. */
export type DefaultName = 'admin' | 'default' | 'anonymous'

/** What the roles and profiles that always exist shall be at some moment. */
export type DefaultRights = {
  readonly roles: Readonly<Record<DefaultName, ControllerRights>>
  /** Requests per second and user of the profile; 0: unlimited. */
  readonly rateLimits: Readonly<Record<DefaultName, number>>
}

/** In the order in which they are written: the one that everybody has first, so that a crash leaves less open. */
export const DEFAULT_NAMES = ['anonymous', 'default', 'admin'] as const

/** Every action of every controller. */
export const EVERYTHING: ControllerRights = { '*': { actions: { '*': true } } }
const UNLIMITED = { anonymous: 0, default: 0, admin: 0 }

/** Kuzzle's permissive start, for development: everybody may do everything. */
export const OPEN_RIGHTS: DefaultRights = {
  roles: { anonymous: EVERYTHING, default: EVERYTHING, admin: EVERYTHING },
  rateLimits: UNLIMITED,
}

/**
 * The start of a server that is meant to be reached: strangers can log in and look around, users can manage their own
 * keys, because an API-key authority whose users may not is of no use to them.
 */
export const CLOSED_RIGHTS: DefaultRights = {
  roles: {
    anonymous: {
      auth: allow('checkToken', 'getCurrentUser', 'getMyRights', 'getStrategies', 'login'),
      server: allow('adminExists', 'healthCheck', 'info', 'now', 'openapi', 'publicApi'),
    },
    default: {
      auth: allow(
        'checkToken',
        'createApiKey',
        'deleteApiKey',
        'getCurrentUser',
        'getMyRights',
        'getStrategies',
        'logout',
        'refreshToken',
        'searchApiKeys',
        'updateSelf',
      ),
      server: allow('publicApi'),
    },
    admin: EVERYTHING,
  },
  rateLimits: UNLIMITED,
}

/** Kuzzle's `security.standard`: what `security:restrictDefaultRights` and `createFirstAdmin` with `reset` write. */
export const STANDARD_RIGHTS: DefaultRights = {
  roles: {
    anonymous: {
      auth: allow('checkToken', 'getCurrentUser', 'getMyRights', 'login'),
      server: allow('openapi', 'publicApi'),
    },
    default: {
      auth: allow('checkToken', 'getCurrentUser', 'getMyRights', 'logout', 'updateSelf'),
      server: allow('publicApi'),
    },
    admin: EVERYTHING,
  },
  rateLimits: { anonymous: 200, default: 10, admin: 0 },
}

/** The name as the id of a role. */
export function defaultRoleId(name: DefaultName): RoleId {
  return name as RoleId
}

/** The name as the id of a profile. */
export function defaultProfileId(name: DefaultName): ProfileId {
  return name as ProfileId
}

/** Whether both give the same rights, in whatever order they list them. */
export function areSameRights(a: ControllerRights, b: ControllerRights): boolean {
  return linesOf(a).join('\n') === linesOf(b).join('\n')
}

function linesOf(rights: ControllerRights): readonly string[] {
  return Object.entries(rights)
    .flatMap(([controller, { actions }]) =>
      Object.entries(actions).map(([action, allowed]) => JSON.stringify([controller, action, allowed])),
    )
    .sort()
}

function allow(...actions: readonly string[]): ActionRights {
  return { actions: Object.fromEntries(actions.map((action) => [action, true])) }
}
