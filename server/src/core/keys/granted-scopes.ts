import { rolesAllow } from '../access/evaluate-rights.ts'
import type { ActionRights, Role } from '../access/role.ts'
import type { FoundKey } from './api-key.ts'
import { notesOf } from './key-notes.ts'
import { isScope, patternOf, scopesKeep } from './scopes.ts'

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

/** Names of roles that patterns are compared with, for one key: some milliseconds. */
export const COMPARISONS_MAX = 50_000

/**
 * The same of any scopes and roles; in the order of the scopes, each permission once. Patterns beyond `COMPARISONS_MAX`
 * come to nothing, as verifications of other keys must not wait for one of very many.
 */
export function grantedScopes(scopes: readonly string[], roles: readonly Rights[]): readonly string[] {
  const named = roles.map(namedRights)
  const comparisons = named.reduce((sum, { names }) => sum + names, 0)
  let left = COMPARISONS_MAX
  const granted = new Set<string>()
  for (const scope of scopes) {
    const isPattern = scope.includes('*')
    // A part of what a pattern fits could hide what a role denies, so it is all or nothing.
    if (isPattern && left < comparisons) continue
    if (isPattern) left -= comparisons
    for (const part of partsOf(scope, roles, named)) if (isScope(part)) granted.add(part)
  }
  return withoutRepetitions([...granted])
}

type Rights = Pick<Role, 'controllers'>

/** Without what another one says as well, but for lists where finding out takes too long. */
function withoutRepetitions(granted: readonly string[]): readonly string[] {
  const patterns = granted.filter((permission) => permission.includes('*'))
  const [hasNone, hasTooMany] = [patterns.length === 0, patterns.length * granted.length > COMPARISONS_MAX]
  if (hasNone || hasTooMany) return granted
  return granted.filter((permission) => permission.includes('*') || !isSaidBy(patterns, permission))
}

function isSaidBy(patterns: readonly string[], permission: string): boolean {
  const [controller = '', action = ''] = permission.split(':')
  return scopesKeep(patterns, controller, action)
}

/** What a role says of actions by their names, and whether it says it of all others. */
type NamedActions = {
  readonly named: readonly (readonly [name: string, allowed: boolean])[]
  readonly star: boolean
}

/** A role with what it says by names; `names`: how many there are. */
type NamedRights = {
  readonly controllers: readonly (readonly [name: string, NamedActions])[]
  /** Of all controllers that it does not name. */
  readonly star: NamedActions | undefined
  readonly names: number
}

function namedRights({ controllers }: Rights): NamedRights {
  const named = namedIn(controllers).map(([name, rights]) => [name, namedActions(rights)] as const)
  const star = controllers['*'] && namedActions(controllers['*'])
  const names = named.reduce((sum, [, actions]) => sum + 1 + actions.named.length, star?.named.length ?? 0)
  return { controllers: named, star, names }
}

function namedActions({ actions }: ActionRights): NamedActions {
  const named = namedIn(actions).map(([name, allowed]) => [name, allowed === true] as const)
  return { named, star: actions['*'] === true }
}

/** What stands for itself; a name with a star in it is the name of nothing that can be asked for. */
function namedIn<T>(byName: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(byName).filter(([name]) => !name.includes('*'))
}

function partsOf(scope: string, roles: readonly Rights[], named: readonly NamedRights[]): readonly string[] {
  const [controller = '*', action = '*'] = scope.split(':')
  if (!scope.includes('*')) return rolesAllow(roles, controller, action) ? [scope] : []
  const wanted: Wanted = { text: action, fits: patternOf(action) }
  const fitsController = patternOf(controller)
  return named.flatMap(({ controllers, star }) => {
    const fitting = controllers.filter(([name]) => fitsController(name))
    const parts = fitting.flatMap(([name, actions]) => printed(name, allowedOf(actions, wanted)))
    if (star === undefined) return parts
    const everywhere = allowedOf(star, wanted)
    return mayBeHidden(controller, fitting, everywhere)
      ? parts
      : [...parts, ...printed(controller, everywhere)]
  })
}

/**
 * Whether a role grants less to a controller that it names than to all others, so that one pattern cannot be said of
 * them together.
 */
function mayBeHidden(
  pattern: string,
  named: readonly (readonly [string, NamedActions])[],
  everywhere: readonly string[],
): boolean {
  if (!pattern.includes('*')) return named.length > 0
  return named.some(([, actions]) => {
    const here = new Set(allowedOf(actions, EVERY_ACTION))
    return !everywhere.every((action) => here.has('*') || here.has(action))
  })
}

/** Which actions are wanted. */
type Wanted = { readonly text: string; readonly fits: (name: string) => boolean }

const EVERY_ACTION: Wanted = { text: '*', fits: () => true }

/** The actions that are wanted and allowed: the pattern itself where all are that it fits. */
function allowedOf({ named, star }: NamedActions, { text, fits }: Wanted): readonly string[] {
  const fitting = named.filter(([name]) => fits(name))
  if (star && fitting.every(([, allowed]) => allowed)) return [text]
  return fitting.filter(([, allowed]) => allowed).map(([name]) => name)
}

function printed(controller: string, actions: readonly string[]): readonly string[] {
  return actions.map((action) => (controller === '*' && action === '*' ? '*' : `${controller}:${action}`))
}
