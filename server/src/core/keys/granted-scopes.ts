import { rolesAllow } from '../access/evaluate-rights.ts'
import type { ActionRights, Role } from '../access/role.ts'
import type { FoundKey } from './api-key.ts'
import { notesOf } from './key-notes.ts'
import { fitsPattern, isScope, scopesKeep } from './scopes.ts'

/**
 * What the scopes of a key come to: those parts of them that the roles of its owner grant, as permissions in which `*`
 * stands for any text. Never more than scopes and roles allow together. It may be less where a role denies single names
 * beside a `*`: what such permissions cannot say is left out.
 *
 * Undefined for a key without scopes. The identical list as long as the key and the roles are the same.
 */
export function grantedScopesOf(found: FoundKey, roles: readonly Role[]): readonly string[] | undefined {
  const scopes = found.key.policy?.scopes
  if (scopes === undefined) return undefined
  if (roles.length === 0) return NOTHING
  const notes = notesOf(found)
  if (notes.granted?.roles !== roles) notes.granted = { roles, scopes: grantedScopes(scopes, roles) }
  return notes.granted.scopes
}

const NOTHING: readonly string[] = []

/** The same of any scopes and roles; in the order of the scopes, each permission once. */
export function grantedScopes(scopes: readonly string[], roles: readonly Rights[]): readonly string[] {
  const granted = [...new Set(scopes.flatMap((scope) => partsOf(scope, roles)))].filter(isScope)
  const patterns = granted.filter((permission) => permission.includes('*'))
  if (patterns.length === 0) return granted
  return granted.filter((permission) => permission.includes('*') || !isSaidBy(patterns, permission))
}

type Rights = Pick<Role, 'controllers'>

function isSaidBy(patterns: readonly string[], permission: string): boolean {
  const [controller = '', action = ''] = permission.split(':')
  return scopesKeep(patterns, controller, action)
}

function partsOf(scope: string, roles: readonly Rights[]): readonly string[] {
  const [controller = '*', action = '*'] = scope.split(':')
  if (!scope.includes('*')) return rolesAllow(roles, controller, action) ? [scope] : []
  return roles.flatMap(({ controllers }) => {
    const named = namedIn(controllers).filter(([name]) => fitsPattern(controller, name))
    const parts = named.flatMap(([name, { actions }]) => printed(name, allowedOf(actions, action)))
    const star = controllers['*']
    if (star === undefined) return parts
    const everywhere = allowedOf(star.actions, action)
    return mayBeHidden(controller, named, everywhere) ? parts : [...parts, ...printed(controller, everywhere)]
  })
}

/**
 * Whether a role grants less to a controller that it names than to all others, so that one pattern cannot be said of
 * them together.
 */
function mayBeHidden(
  pattern: string,
  named: readonly (readonly [string, ActionRights])[],
  everywhere: readonly string[],
): boolean {
  if (!pattern.includes('*')) return named.length > 0
  return named.some(([, { actions }]) => {
    const here = allowedOf(actions, '*')
    return !everywhere.every((action) => here.includes('*') || here.includes(action))
  })
}

/** The actions that fit a pattern and are allowed: the pattern itself where all are that it fits. */
function allowedOf(actions: ActionRights['actions'], pattern: string): readonly string[] {
  const named = namedIn(actions).filter(([name]) => fitsPattern(pattern, name))
  if (actions['*'] === true && named.every(([, allowed]) => allowed === true)) return [pattern]
  return named.filter(([, allowed]) => allowed === true).map(([name]) => name)
}

/** What stands for itself; a name with a star in it is the name of nothing that can be asked for. */
function namedIn<T>(byName: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(byName).filter(([name]) => !name.includes('*'))
}

function printed(controller: string, actions: readonly string[]): readonly string[] {
  return actions.map((action) => (controller === '*' && action === '*' ? '*' : `${controller}:${action}`))
}
