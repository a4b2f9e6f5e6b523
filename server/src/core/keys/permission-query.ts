import { DomainError } from '../errors.ts'
import type { PermissionQuery } from './verdict.ts'

/** Most characters of a permission query. */
export const PERMISSION_QUERY_LENGTH_MAX = 1_000
/** Most permissions in a query. */
export const PERMISSION_TERMS_MAX = 100
/** Most parentheses that are open at once. */
export const PERMISSION_NESTING_MAX = 50

/**
 * Reads which permissions a key must have: `invoices:read`, or several with `AND`, `OR` and parentheses, as in
 * `invoices:read AND (invoices:write OR admin:all)`; `AND` binds more tightly, and case does not matter. Of an array,
 * every member must hold.
 *
 * Permissions are concrete: with a `*` it would not be clear whether any or all are meant.
 *
 * @throws {DomainError} `policy.invalid`, facts `member` (`permissions`) and `problem`, a sentence.
 */
export function parsePermissionQuery(given: string | readonly string[]): PermissionQuery {
  const texts = typeof given === 'string' ? [given] : given
  if (texts.length === 0) throw invalid('it is empty')
  let length = 0
  for (const text of texts) length += text.length
  if (length > PERMISSION_QUERY_LENGTH_MAX || texts.length > PERMISSION_TERMS_MAX) {
    throw invalid(`it is longer than ${PERMISSION_QUERY_LENGTH_MAX} characters`)
  }
  const terms = { left: PERMISSION_TERMS_MAX }
  return joined(
    'and',
    texts.map((text) => parseText(text, terms)),
  )
}

/** Whether a query holds when exactly the granted permissions are there. */
export function queryHolds(
  query: PermissionQuery,
  grants: (controller: string, action: string) => boolean,
): boolean {
  if (query.kind === 'permission') return grants(query.controller, query.action)
  const decisive = query.kind === 'or'
  for (const part of query.of) {
    if (queryHolds(part, grants) === decisive) return decisive
  }
  return !decisive
}

/** A query as text that `parsePermissionQuery` reads. */
export function printPermissionQuery(query: PermissionQuery): string {
  if (query.kind === 'permission') return `${query.controller}:${query.action}`
  const parts = query.of.map((part) =>
    part.kind === 'permission' ? printPermissionQuery(part) : `(${printPermissionQuery(part)})`,
  )
  return parts.join(query.kind === 'and' ? ' AND ' : ' OR ')
}

/** What is still to be read, and how many more permissions may come. */
type Reader = { readonly words: readonly string[]; at: number; readonly terms: { left: number } }

function parseText(text: string, terms: { left: number }): PermissionQuery {
  const words = text.match(WORD) ?? []
  const reader = { words, at: 0, terms }
  const query = parseOr(reader, 0)
  const rest = words[reader.at]
  if (rest !== undefined) throw invalid(`${shown(rest)} is not expected there`)
  return query
}

const WORD = /[()]|[^\s()]+/g
const PERMISSION = /^([A-Za-z0-9._-]+):([A-Za-z0-9._-]+)$/

function parseOr(reader: Reader, depth: number): PermissionQuery {
  const parts = [parseAnd(reader, depth)]
  while (take(reader, 'OR')) parts.push(parseAnd(reader, depth))
  return joined('or', parts)
}

function parseAnd(reader: Reader, depth: number): PermissionQuery {
  const parts = [parsePart(reader, depth)]
  while (take(reader, 'AND')) parts.push(parsePart(reader, depth))
  return joined('and', parts)
}

function parsePart(reader: Reader, depth: number): PermissionQuery {
  if (!take(reader, '(')) return parsePermission(reader)
  if (depth === PERMISSION_NESTING_MAX) {
    throw invalid(`more than ${PERMISSION_NESTING_MAX} parentheses are open at once`)
  }
  const query = parseOr(reader, depth + 1)
  if (!take(reader, ')')) throw invalid('a parenthesis is not closed')
  return query
}

function parsePermission(reader: Reader): PermissionQuery {
  const word = reader.words[reader.at]
  if (word === undefined)
    throw invalid(reader.at === 0 ? 'it is empty' : 'it ends where a permission is expected')
  if (word.includes('*'))
    throw invalid(`${shown(word)} has a "*", and only concrete permissions can be asked for`)
  const [, controller, action] = PERMISSION.exec(word) ?? []
  if (controller === undefined || action === undefined) {
    throw invalid(`${shown(word)} is not a permission like "invoices:read"`)
  }
  if (reader.terms.left === 0) throw invalid(`it names more than ${PERMISSION_TERMS_MAX} permissions`)
  reader.terms.left--
  reader.at++
  return { kind: 'permission', controller, action }
}

function take(reader: Reader, word: 'AND' | 'OR' | '(' | ')'): boolean {
  if (reader.words[reader.at]?.toUpperCase() !== word) return false
  reader.at++
  return true
}

function joined(kind: 'and' | 'or', of: readonly PermissionQuery[]): PermissionQuery {
  const [only] = of
  return of.length === 1 && only !== undefined ? only : { kind, of }
}

function shown(word: string): string {
  return JSON.stringify(word.length > 64 ? `${word.slice(0, 64)}…` : word)
}

function invalid(problem: string): DomainError {
  return new DomainError('policy.invalid', `Cannot read the permissions that are asked for: ${problem}`, {
    member: 'permissions',
    problem,
  })
}
