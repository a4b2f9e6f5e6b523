import type { TermTestQuery } from '../evaluate.ts'
import type { BoolQuery, Query, TermQuery } from '../filter.ts'
import { innerQueries, mapInnerQueries, partsOf, wholeQuery } from '../query-tree.ts'
import { setField } from './indexed-document.ts'
import { PositionSet } from './position-set.ts'

/** What a query asks of the words of one field. */
export type TextWants = {
  /** Words of which each occurrence matters; true: also where it is. */
  readonly words: ReadonlyMap<string, boolean>
  /** Clauses that any word of some kind satisfies: of those only the documents matter. */
  readonly tests: readonly TermTestQuery[]
}

/** What queries ask of a field, but for the words that their expanding clauses stand for. */
export function textWants(queries: readonly Query[], field: string): TextWants {
  const words = new Map<string, boolean>()
  const tests: TermTestQuery[] = []
  const want = (word: string, positional: boolean) => words.set(word, positional || words.get(word) === true)
  for (const query of queries.flatMap((one) => [...wholeQuery(one)])) {
    if (!('field' in query) || query.field !== field) continue
    if (isTermTest(query)) tests.push(query)
    if (query.kind === 'term') want(query.term, false)
    if (query.kind === 'phrase' || query.kind === 'phrasePrefix') {
      for (const term of query.terms) want(term.text, true)
    }
  }
  return { words, tests }
}

function isTermTest(query: Query): query is TermTestQuery {
  return (
    query.kind === 'terms' ||
    query.kind === 'termRange' ||
    query.kind === 'prefix' ||
    query.kind === 'pattern'
  )
}

/** Whether an index of the field, and nothing else, tells what the query makes of a document. */
export function asksOnlyFor(query: Query, field: string): boolean {
  if (query.kind === 'all' || query.kind === 'none') return true
  if (query.kind === 'nested' || query.kind === 'termsSet' || query.kind === 'ids') return false
  if (query.kind === 'exists') return query.fields.includes(field)
  if ('field' in query) return query.field === field
  return innerQueries(query).every((inner) => asksOnlyFor(inner, field))
}

/** Clauses about other fields that a set of documents can stand for. */
export type OtherWants = {
  /** Clauses that give each of their matches the same score, or whose score does not matter. */
  readonly sets: readonly Query[]
  /** Words of keyword fields that are scored. */
  readonly terms: readonly TermQuery[]
}

/**
 * What must be known of other fields, so that nothing else needs to be looked at; undefined when that is not possible.
 * `canTell`: whether the set of documents that a query finds can be had.
 */
export function otherWants(
  query: Query,
  field: string,
  canTell: (query: Query) => boolean,
): OtherWants | undefined {
  const sets: Query[] = []
  const terms: TermQuery[] = []
  return findOtherWants(query, true) ? { sets, terms } : undefined

  function findOtherWants(clause: Query, scored: boolean): boolean {
    if (asksOnlyFor(clause, field)) return true
    if ((!scored || hasConstantScore(clause)) && canTell(clause)) {
      sets.push(clause)
      return true
    }
    if (clause.kind === 'term') {
      if (canTell(clause)) terms.push(clause)
      return canTell(clause)
    }
    if (clause.kind === 'nested' || clause.kind === 'termsSet') return false
    const parts = partsOf(clause)
    return (
      parts.scored.length + parts.unscored.length > 0 &&
      parts.scored.every((inner) => findOtherWants(inner, scored)) &&
      parts.unscored.every((inner) => findOtherWants(inner, false))
    )
  }
}

/** Leaves that score all their matches alike, whatever the documents. */
function hasConstantScore(clause: Query): boolean {
  return CONSTANT.has(clause.kind)
}

const CONSTANT: ReadonlySet<Query['kind']> = new Set([
  'ids',
  'exists',
  'terms',
  'termRange',
  'prefix',
  'numbers',
  'numberRange',
])

/** The query with a set of documents in place of each clause that has one. */
export function overSets(query: Query, sets: ReadonlyMap<Query, number>): Query {
  const set = sets.get(query)
  if (set === undefined) return mapInnerQueries(query, (inner) => overSets(inner, sets))
  return { kind: 'exists', fields: [setField(set)], boost: 'boost' in query ? query.boost : 1 }
}

/** Which documents satisfy a clause about words; undefined when the clause is about something else. */
export type ClauseDocuments = (clause: Query) => PositionSet | undefined

/**
 * Documents of which the query finds no others, as far as its clauses about words tell; undefined when they tell
 * nothing.
 */
export function drivingSet(query: Query, documentsOf: ClauseDocuments): PositionSet | undefined {
  const known = documentsOf(query)
  if (known !== undefined) return known
  switch (query.kind) {
    case 'none':
      return new PositionSet()
    case 'bool':
      return drivingSetOfBool(query, documentsOf)
    case 'constant':
      return drivingSet(query.query, documentsOf)
    case 'disMax':
      return anyOf(query.queries, documentsOf)
    case 'blended':
      return anyOf(query.terms, documentsOf)
    case 'boosting':
      return drivingSet(query.positive, documentsOf)
    default:
      return undefined
  }
}

function drivingSetOfBool(query: BoolQuery, documentsOf: ClauseDocuments): PositionSet | undefined {
  if (query.shouldMin > query.should.length) return new PositionSet()
  const required = [...query.must, ...query.filter].map((one) => drivingSet(one, documentsOf))
  const optional = query.shouldMin > 0 ? anyOf(query.should, documentsOf) : undefined
  return intersectionOf([...required, optional].filter((set) => set !== undefined))
}

function anyOf(queries: readonly Query[], documentsOf: ClauseDocuments): PositionSet | undefined {
  const sets = queries.map((one) => drivingSet(one, documentsOf))
  const known = sets.filter((set) => set !== undefined)
  return known.length < sets.length ? undefined : PositionSet.union(known)
}

/** Positions in all of the sets; undefined when there is no set. */
export function intersectionOf(sets: readonly PositionSet[]): PositionSet | undefined {
  const [first, ...others] = sets
  return first && others.reduce(PositionSet.intersection, first)
}
