import type { Policy, Restriction } from '../../core/access/profile.ts'
import type { RoleId } from '../../core/ids.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { ProfileRequest } from '../../core/key-authority.ts'
import { fail } from './kuzzle-errors.ts'
import { parseTags } from './role-shape.ts'

/**
 * Reads a profile's definition `{policies: [{roleId, restrictedTo?}], rateLimit?, tags?, ...content}`.
 *
 * A profile without policies gets the role `default`. Lists of restrictions or collections that are empty restrict
 * nothing and are left out.
 *
 * @throws {KuzzleError} `api.assert.missing_argument`, `invalid_type`, `invalid_argument` or `unexpected_argument`,
 *   which name the member as Kuzzle does: `<id>.policies[0].roleId`.
 */
export function parseProfile(id: string, definition: JsonObject): ProfileRequest {
  const change = parseProfileChange(id, definition)
  const policies = change.policies ?? fail('api.assert.missing_argument', `${id}.policies`)
  return { ...change, content: change.content ?? {}, policies }
}

/** Reads those members of a profile that `definition` has; see `parseProfile`. */
export function parseProfileChange(id: string, definition: JsonObject): Partial<ProfileRequest> {
  const { policies, rateLimit, tags, _kuzzle_info, optimizedPolicies, ...content } = definition
  return {
    ...(policies === undefined ? {} : { policies: parsePolicies(`${id}.policies`, policies) }),
    ...(rateLimit === undefined ? {} : { rateLimit: parseRateLimit(`${id}.rateLimit`, rateLimit) }),
    ...(tags === undefined ? {} : { tags: parseTags(`${id}.tags`, tags) }),
    content,
  }
}

/** The first index that a profile's policies are restricted to. */
export function firstRestriction(policies: readonly Policy[]): Restriction | undefined {
  return policies.flatMap((policy) => policy.restrictedTo ?? [])[0]
}

const ROLE_OF_EMPTY_PROFILES = 'default' as RoleId

function parsePolicies(name: string, policies: JsonValue): readonly Policy[] {
  const list = listOf(name, policies)
  if (list.length === 0) return [{ roleId: ROLE_OF_EMPTY_PROFILES }]
  return list.map((policy, position) => parsePolicy(`${name}[${position}]`, policy))
}

function parsePolicy(name: string, policy: JsonValue): Policy {
  const { roleId, restrictedTo } = membersOf(name, policy, ['roleId', 'restrictedTo'])
  const restrictions = restrictedTo === undefined ? [] : listOf(`${name}.restrictedTo`, restrictedTo)
  return {
    roleId: parseText(`${name}.roleId`, roleId) as RoleId,
    ...(restrictions.length === 0
      ? {}
      : {
          restrictedTo: restrictions.map((restriction, position) =>
            parseRestriction(`${name}.restrictedTo[${position}]`, restriction),
          ),
        }),
  }
}

function parseRestriction(name: string, restriction: JsonValue): Restriction {
  const members = membersOf(name, restriction, ['index', 'collections'])
  const index = parseText(`${name}.index`, members['index'])
  const collections = members['collections']
  if (collections === undefined) return { index }
  if (!Array.isArray(collections) || !collections.every((item) => typeof item === 'string')) {
    return fail('api.assert.invalid_type', `${name}.collections`, 'string[]')
  }
  return collections.length === 0 ? { index } : { index, collections }
}

function parseRateLimit(name: string, rateLimit: JsonValue): number {
  if (typeof rateLimit !== 'number' || !Number.isSafeInteger(rateLimit)) {
    return fail('api.assert.invalid_type', name, 'integer')
  }
  return rateLimit >= 0 ? rateLimit : fail('api.assert.invalid_argument', name, 'positive integer, or zero')
}

/** A text that must be there; empty counts as missing. */
function parseText(name: string, text: JsonValue | undefined): string {
  if (text === undefined || text === null || text === '') return fail('api.assert.missing_argument', name)
  return typeof text === 'string' ? text : fail('api.assert.invalid_type', name, 'string')
}

function listOf(name: string, value: JsonValue): readonly JsonValue[] {
  return Array.isArray(value) ? value : fail('api.assert.invalid_type', name, 'object[]')
}

/** An object that may hold these members and no other. */
function membersOf<const Name extends string>(
  name: string,
  value: JsonValue,
  accepted: readonly Name[],
): { readonly [name in Name]?: JsonValue } {
  if (!isJsonObject(value)) return fail('api.assert.invalid_type', name, 'object')
  const stranger = Object.keys(value).find((member) => !accepted.some((known) => known === member))
  if (stranger === undefined) return value as { readonly [name in Name]?: JsonValue }
  const list = accepted.map((member) => `"${member}"`).join(', ')
  return fail('api.assert.unexpected_argument', `${name}.${stranger}`, list)
}
