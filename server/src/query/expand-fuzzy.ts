import type { FuzzyQuery, Query } from './filter.ts'
import { MATCH_NONE } from './filter.ts'
import { mapInnerQueries, partsOf } from './query-tree.ts'
import { inverseDocumentFrequency, keywordScore } from './score.ts'
import { type Expansion, editsTo, fuzzyBoost, nearestExpansions, type TermCount } from './statistics.ts'
import type { StepBudget } from './step-budget.ts'
import { yieldIfLong } from './turns.ts'

/** How many documents in scope have a term of a keyword field; a term may be told of several times. */
export type FieldTerm = { readonly term: string; readonly documents: number }

/**
 * Lists the terms of a keyword field of which every document has at most one; undefined when that is not possible.
 *
 * They arrive in slices between which others get their turn.
 */
export type ListTerms = (field: string) => Iterable<readonly FieldTerm[]> | undefined

/** Terms that are compared before others get their turn. */
const COMPARED_AT_ONCE = 50

/**
 * The query with the terms that they stand for in place of fuzzy clauses on keyword fields, where those can be listed:
 * it finds the same documents, with the same scores. Then nobody needs to look at every document to learn the terms.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function expandFuzzy(
  query: Query,
  isScored: boolean,
  listTerms: ListTerms,
  budget: StepBudget,
): Promise<Query> {
  const known = new Map<FuzzyQuery, Expanded>()
  for (const clause of fuzzyClauses(query)) {
    const terms = listTerms(clause.field)
    if (terms !== undefined) known.set(clause, await expand(clause, terms, budget))
  }
  return known.size === 0 ? query : replaceFuzzy(query, isScored ? 1 : undefined, known)
}

/** Fuzzy clauses about the documents themselves. */
function* fuzzyClauses(query: Query): Generator<FuzzyQuery> {
  if (query.kind === 'fuzzy') yield query
  const { scored, unscored } = partsOf(query)
  for (const inner of [...scored, ...unscored]) yield* fuzzyClauses(inner)
}

/** The terms that a clause stands for, and how many documents have any term in its field. */
type Expanded = { readonly expansions: readonly Expansion[]; readonly documents: number }

async function expand(
  query: FuzzyQuery,
  terms: Iterable<readonly FieldTerm[]>,
  budget: StepBudget,
): Promise<Expanded> {
  const found = new Map<string, TermCount>()
  let all = 0
  for (const slice of terms) {
    for (const [index, { term, documents }] of slice.entries()) {
      if (index % COMPARED_AT_ONCE === 0) await yieldIfLong()
      all += documents
      const known = found.get(term)
      if (known === undefined) budget.spend(1 + term.length)
      const edits = known === undefined ? editsTo(query, term) : known.edits
      if (edits !== undefined) found.set(term, { edits, documents: documents + (known?.documents ?? 0) })
    }
  }
  return { expansions: nearestExpansions(query, found), documents: all }
}

/** `boost`: the product of the boosts around the query; undefined where its score does not matter. */
function replaceFuzzy(
  query: Query,
  boost: number | undefined,
  known: ReadonlyMap<FuzzyQuery, Expanded>,
): Query {
  if (query.kind === 'fuzzy') {
    const expanded = known.get(query)
    return expanded === undefined ? query : termsOf(query, expanded, boost)
  }
  if (query.kind === 'nested' || query.kind === 'none') return query
  const unscored = new Set(partsOf(query).unscored)
  const inside = boost === undefined ? undefined : boost * query.boost
  return mapInnerQueries(query, (inner) =>
    replaceFuzzy(inner, unscored.has(inner) ? undefined : inside, known),
  )
}

function termsOf(query: FuzzyQuery, { expansions, documents }: Expanded, boost: number | undefined): Query {
  if (expansions.length === 0) return MATCH_NONE
  const { field } = query
  if (boost === undefined) {
    return { kind: 'terms', field, terms: new Set(expansions.map(({ term }) => term)), boost: 1 }
  }
  const queries = [...termsByScore(query, expansions, documents, boost)].map(([score, terms]): Query => {
    // The score holds the boosts around the query already.
    return { kind: 'terms', field, terms, boost: boost === 0 ? 0 : score / boost }
  })
  const [first, second] = queries
  return first !== undefined && second === undefined
    ? first
    : { kind: 'disMax', queries, tieBreaker: 0, boost: 1 }
}

/** What `evaluate.ts` scores documents with each of the terms: a keyword's score depends on nothing else. */
function termsByScore(
  query: FuzzyQuery,
  expansions: readonly Expansion[],
  documents: number,
  boost: number,
): ReadonlyMap<number, ReadonlySet<string>> {
  const most = Math.max(...expansions.map((expansion) => expansion.documents))
  const idf = inverseDocumentFrequency(documents, most)
  const byScore = new Map<number, Set<string>>()
  for (const expansion of expansions) {
    const score = keywordScore(boost * query.boost * fuzzyBoost(query.term, expansion), idf)
    byScore.set(score, (byScore.get(score) ?? new Set()).add(expansion.term))
  }
  return byScore
}
