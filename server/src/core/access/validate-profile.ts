import { DomainError } from '../errors.ts'
import type { ProfileId, RoleId } from '../ids.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import type { Policy, Restriction } from './profile.ts'
import { printShapeProblem, type ShapeProblem } from './shape-problem.ts'

/** What a profile gets when it names no policy. */
const DEFAULT_POLICIES: readonly Policy[] = [{ roleId: 'default' as RoleId }]

/**
 * Reads the policies of a profile as a client gave them; none become the role `default`.
 *
 * @throws {DomainError} `profile.invalid`, whose facts are a `ShapeProblem` and `id`.
 */
export function parsePolicies(id: ProfileId, value: unknown): readonly Policy[] {
  const argument = `${id}.policies`
  if (value === undefined || value === null) throw invalid(id, { problem: 'missing_argument', argument })
  if (!Array.isArray(value)) throw invalid(id, { problem: 'invalid_type', argument, expected: 'object[]' })
  if (value.length === 0) return DEFAULT_POLICIES
  return value.map((policy, index) => parsePolicy(id, `${argument}[${index}]`, policy))
}

/**
 * Reads the rate limit of a profile; absent is 0, which is none.
 *
 * @throws {DomainError} `profile.invalid`
 */
export function parseRateLimit(id: ProfileId, value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw invalid(id, { problem: 'invalid_type', argument: `${id}.rateLimit`, expected: 'integer' })
  }
  if (value >= 0) return value
  throw invalid(id, {
    problem: 'invalid_argument',
    argument: `${id}.rateLimit`,
    expected: 'positive integer, or zero',
  })
}

/** @throws {DomainError} `profile.anonymous_role_required`: without it nobody could log in. */
export function checkAnonymousRole(id: ProfileId, policies: readonly Policy[]): void {
  if (id !== 'anonymous' || policies.some(({ roleId }) => roleId === 'anonymous')) return
  throw new DomainError(
    'profile.anonymous_role_required',
    'Cannot store profile "anonymous": it must include the role "anonymous"',
    { id },
  )
}

function parsePolicy(id: ProfileId, argument: string, value: unknown): Policy {
  const policy = parseObject(id, argument, value)
  const roleId = parseName(id, `${argument}.roleId`, policy['roleId'])
  checkMembers(id, argument, policy, ['roleId', 'restrictedTo'])
  const restrictedTo = policy['restrictedTo']
  if (restrictedTo === undefined || restrictedTo === null) return { roleId: roleId as RoleId }
  const where = `${argument}.restrictedTo`
  if (!Array.isArray(restrictedTo)) {
    throw invalid(id, { problem: 'invalid_type', argument: where, expected: 'object[]' })
  }
  return {
    roleId: roleId as RoleId,
    restrictedTo: restrictedTo.map((value, index) => parseRestriction(id, `${where}[${index}]`, value)),
  }
}

function parseRestriction(id: ProfileId, argument: string, value: unknown): Restriction {
  const restriction = parseObject(id, argument, value)
  const index = parseName(id, `${argument}.index`, restriction['index'])
  checkMembers(id, argument, restriction, ['index', 'collections'])
  const collections = restriction['collections']
  if (collections === undefined || collections === null) return { index }
  if (Array.isArray(collections) && collections.every((name) => typeof name === 'string')) {
    return { index, collections }
  }
  throw invalid(id, { problem: 'invalid_type', argument: `${argument}.collections`, expected: 'string[]' })
}

function parseObject(id: ProfileId, argument: string, value: unknown): JsonObject {
  if (isJsonObject(value)) return value
  throw invalid(id, { problem: 'invalid_type', argument, expected: 'object' })
}

function parseName(id: ProfileId, argument: string, value: unknown): string {
  if (value === undefined || value === null || value === '') {
    throw invalid(id, { problem: 'missing_argument', argument })
  }
  if (typeof value === 'string') return value
  throw invalid(id, { problem: 'invalid_type', argument, expected: 'string' })
}

function checkMembers(id: ProfileId, argument: string, value: JsonObject, accepted: readonly string[]): void {
  const unexpected = Object.keys(value).find((name) => !accepted.includes(name))
  if (unexpected === undefined) return
  throw invalid(id, {
    problem: 'unexpected_argument',
    argument: `${argument}.${unexpected}`,
    accepted: accepted.map((name) => `"${name}"`).join(', '),
  })
}

function invalid(id: ProfileId, problem: ShapeProblem): DomainError {
  const message = `Cannot store profile "${id}": ${printShapeProblem(problem)}`
  return new DomainError('profile.invalid', message, { id, ...problem })
}
