import { DomainError } from '../errors.ts'
import type { RoleId } from '../ids.ts'
import { isJsonObject } from '../json.ts'
import { nearestName } from '../nearest-name.ts'
import { NATIVE_ACTIONS, OBEYED_CONTROLLERS } from './native-actions.ts'
import type { ActionRights, ControllerRights } from './role.ts'
import { printShapeProblem, type ShapeProblem } from './shape-problem.ts'

/**
 * Reads the `controllers` of a role as a client gave them.
 *
 * @throws {DomainError} `role.invalid`, whose facts are a `ShapeProblem` and `id`.
 */
export function parseControllerRights(id: RoleId, value: unknown): ControllerRights {
  const name = `${id}.controllers`
  const controllers = membersOf(id, name, value)
  return Object.fromEntries(
    controllers.map(([controller, rights]) => [controller, parseActionRights(id, controller, rights)]),
  )
}

/**
 * Which names a role may have: those that are `known`; with `forced`, as Kuzzle's `force`, also controllers that are not,
 * such as those of plugins; `free`, any names but unknown actions of the controllers that Latchkey itself acts upon.
 */
export type RoleNames = 'known' | 'forced' | 'free'

/**
 * Passes when every controller and action exists, or may have a name of the client's own. What is known has only the
 * actions that it has, since a misspelt one would silently grant nothing.
 *
 * @throws {DomainError} `role.unknown_controller` (`facts` `id`, `controller`, `suggestion?`), `role.unknown_action`
 *   (also `action`).
 */
export function checkControllersExist(id: RoleId, controllers: ControllerRights, names: RoleNames): void {
  for (const [controller, { actions }] of Object.entries(controllers)) {
    const known = controller === '*' ? NO_ACTIONS : actionsOf(controller, names)
    if (known === undefined) {
      if (names === 'known') throw unknownController(id, controller)
      continue
    }
    for (const action of Object.keys(actions)) {
      if (action !== '*' && !known.has(action)) throw unknownAction(id, controller, action, known)
    }
  }
}

/** The only actions that a role may name of the controller; undefined: the controller is nobody's here. */
function actionsOf(controller: string, names: RoleNames): ReadonlySet<string> | undefined {
  if (names === 'free' && !OBEYED_CONTROLLERS.has(controller)) return undefined
  return NATIVE_ACTIONS.get(controller)
}

/** No action exists in all controllers, so `*` may only be combined with `*`. */
const NO_ACTIONS: ReadonlySet<string> = new Set()

function parseActionRights(id: RoleId, controller: string, value: unknown): ActionRights {
  const rights = membersOf(id, controller, value)
  const actions = membersOf(id, `${controller}.actions`, Object.fromEntries(rights)['actions'])
  return {
    actions: Object.fromEntries(
      actions.map(([action, allowed]) => {
        if (typeof allowed === 'boolean') return [action, allowed]
        const argument = `${controller}.actions.${action}`
        throw invalid(id, { problem: 'invalid_type', argument, expected: 'boolean' })
      }),
    ),
  }
}

function membersOf(id: RoleId, argument: string, value: unknown): [string, unknown][] {
  if (value === undefined || value === null) throw invalid(id, { problem: 'missing_argument', argument })
  if (!isJsonObject(value)) throw invalid(id, { problem: 'invalid_type', argument, expected: 'object' })
  const members = Object.entries(value)
  if (members.length === 0) throw invalid(id, { problem: 'empty_argument', argument })
  return members
}

function invalid(id: RoleId, problem: ShapeProblem): DomainError {
  const message = `Cannot store role "${id}": ${printShapeProblem(problem)}`
  return new DomainError('role.invalid', message, { id, ...problem })
}

function unknownController(id: RoleId, controller: string): DomainError {
  const suggestion = nearestName(controller, NATIVE_ACTIONS.keys())
  return new DomainError(
    'role.unknown_controller',
    `Cannot store role "${id}": there is no controller "${controller}"${hint(suggestion)}`,
    { id, controller, ...(suggestion !== undefined && { suggestion }) },
  )
}

function unknownAction(
  id: RoleId,
  controller: string,
  action: string,
  known: ReadonlySet<string>,
): DomainError {
  const suggestion = nearestName(action, known)
  return new DomainError(
    'role.unknown_action',
    `Cannot store role "${id}": controller "${controller}" has no action "${action}"${hint(suggestion) || listOf(known)}`,
    { id, controller, action, ...(suggestion !== undefined && { suggestion }) },
  )
}

/** Longest list of actions that a refusal names. */
const LISTED_MAX = 12

function listOf(known: ReadonlySet<string>): string {
  if (known.size === 0 || known.size > LISTED_MAX) return ''
  return `; it has ${[...known].join(', ')}`
}

function hint(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : `, did you mean "${suggestion}"?`
}
