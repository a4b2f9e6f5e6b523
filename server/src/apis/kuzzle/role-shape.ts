import type { ActionRights, ControllerRights } from '../../core/access/role.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { RoleRequest } from '../../core/key-authority.ts'
import { fail } from './kuzzle-errors.ts'

/**
 * Reads a role's definition `{controllers: {<controller>: {actions: {<action>: boolean}}}, tags?, ...content}`.
 * Whether such controllers and actions exist is for the core to decide.
 *
 * @throws {KuzzleError} `api.assert.missing_argument`, `invalid_type` or `empty_argument`, which name the member as
 *   Kuzzle does: `<id>.controllers`, `<controller>.actions`, `<controller>.actions.<action>`.
 */
export function parseRole(id: string, definition: JsonObject): RoleRequest {
  const { controllers, tags, _kuzzle_info, ...content } = definition
  return {
    controllers: parseControllers(`${id}.controllers`, controllers),
    ...(tags === undefined ? {} : { tags: parseTags(`${id}.tags`, tags) }),
    content,
  }
}

/** Reads `tags` of a role or profile. @throws {KuzzleError} `api.assert.invalid_type` */
export function parseTags(name: string, tags: JsonValue): readonly string[] {
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags
  return fail('api.assert.invalid_type', name, 'string[]')
}

function parseControllers(name: string, controllers: JsonValue | undefined): ControllerRights {
  const entries = membersOf(name, controllers)
  return Object.fromEntries(
    entries.map(([controller, rights]) => [controller, parseRights(controller, rights)]),
  )
}

function parseRights(controller: string, rights: JsonValue): ActionRights {
  const members = Object.fromEntries(membersOf(controller, rights))
  const actions = membersOf(`${controller}.actions`, members['actions'])
  return {
    actions: Object.fromEntries(
      actions.map(([action, value]) => [action, parseValue(controller, action, value)]),
    ),
  }
}

function parseValue(controller: string, action: string, value: JsonValue): boolean {
  if (typeof value === 'boolean') return value
  return fail('api.assert.invalid_type', `${controller}.actions.${action}`, 'boolean')
}

/** The members of something that must be an object and hold at least one. */
function membersOf(name: string, value: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  if (value === undefined) return fail('api.assert.missing_argument', name)
  if (!isJsonObject(value)) return fail('api.assert.invalid_type', name, 'object')
  const members = Object.entries(value)
  return members.length > 0 ? members : fail('api.assert.empty_argument', name)
}
