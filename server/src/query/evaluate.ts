import { compareCodePoints } from './code-point-order.ts'
import type {
  BlendedQuery,
  BoolQuery,
  Bound,
  FuzzyQuery,
  NestedQuery,
  NumberRangeQuery,
  NumberRangesQuery,
  NumbersQuery,
  PatternQuery,
  PhrasePrefixQuery,
  PhraseQuery,
  PrefixQuery,
  Query,
  TermRangeQuery,
  TermsQuery,
} from './filter.ts'
import { type PhrasePlace, phraseFrequency, phrasePlaces } from './phrase.ts'
import type { IndexedField, PreparedDocument } from './prepared-document.ts'
import { inverseDocumentFrequency, keywordScore, textScorer } from './score.ts'
import { fuzzyBoost, hasTerm, type ScopeStatistics, termsOf } from './statistics.ts'
import type { StepBudget } from './step-budget.ts'

/** A document's score, which may be 0; undefined when it does not match. */
export type Judge = (document: PreparedDocument) => number | undefined

/** What judging needs besides the query. */
export type JudgeContext = {
  readonly statistics: ScopeStatistics
  readonly budget: StepBudget
  /** False: scores do not matter, and every match gets an arbitrary one. */
  readonly scored: boolean
}

/**
 * What a query means: whether one document matches, and how well.
 *
 * This is the truth for every store; whatever SQL is made of the query must agree with it.
 */
export function judgeOf(query: Query, context: JudgeContext): Judge {
  return compile(query, 1, context)
}

function compile(query: Query, boost: number, context: JudgeContext): Judge {
  switch (query.kind) {
    case 'all':
      return constantly(boost * query.boost, () => true)
    case 'none':
      return () => undefined
    case 'ids':
      return constantly(boost * query.boost, (document) => query.ids.has(document.id))
    case 'exists':
      return constantly(boost * query.boost, (document) =>
        query.fields.some((field) => document.field(field) !== undefined),
      )
    case 'term':
      return compileTerm(query.field, query.term, boost * query.boost, undefined, context)
    case 'terms':
    case 'termRange':
    case 'prefix':
    case 'pattern':
      return anyTerm(query.field, boost * query.boost, termTest(query, context.budget))
    case 'numbers':
    case 'numberRange':
    case 'numberRanges':
      return anyNumber(query.field, boost * query.boost, numberTest(query))
    case 'fuzzy':
      return compileFuzzy(query, boost * query.boost, context)
    case 'phrase':
      return compilePhrase(query, boost * query.boost, context)
    case 'phrasePrefix':
      return compilePhrasePrefix(query, boost * query.boost, context)
    case 'blended':
      return compileBlended(query, boost * query.boost, context)
    case 'bool':
      return compileBool(query, boost * query.boost, context)
    case 'constant': {
      const matches = compile(query.query, 1, { ...context, scored: false })
      return constantly(boost * query.boost, (document) => matches(document) !== undefined)
    }
    case 'disMax':
      return bestOf(
        query.queries.map((one) => compile(one, boost * query.boost, context)),
        query.tieBreaker,
      )
    case 'boosting': {
      const positive = compile(query.positive, boost * query.boost, context)
      const negative = compile(query.negative, 1, { ...context, scored: false })
      return (document) => {
        const score = positive(document)
        if (score === undefined || negative(document) === undefined) return score
        return Math.fround(score * query.negativeBoost)
      }
    }
    case 'termsSet': {
      const terms = query.terms.map((term) => compile(term, boost * query.boost, context))
      return (document) => enough(terms, document, requiredCount(document.field(query.countField)))
    }
    case 'nested':
      return compileNested(query, boost * query.boost, context)
  }
}

function constantly(score: number, matches: (document: PreparedDocument) => boolean): Judge {
  const constant = Math.fround(score)
  return (document) => (matches(document) ? constant : undefined)
}

function anyTerm(field: string, score: number, accepts: (term: string) => boolean): Judge {
  return constantly(score, (document) => {
    for (const term of termsOf(document.field(field))) if (accepts(term)) return true
    return false
  })
}

function anyNumber(field: string, score: number, accepts: (value: number) => boolean): Judge {
  return constantly(score, (document) => {
    const indexed = document.field(field)
    return indexed?.kind === 'number' && indexed.values.some(accepts)
  })
}

function within<T>(
  lower: Bound<T> | undefined,
  upper: Bound<T> | undefined,
  compare: (a: T, b: T) => number,
): (value: T) => boolean {
  return (value) => {
    if (lower !== undefined) {
      const order = compare(value, lower.value)
      if (order < 0 || (order === 0 && !lower.inclusive)) return false
    }
    if (upper === undefined) return true
    const order = compare(value, upper.value)
    return order < 0 || (order === 0 && upper.inclusive)
  }
}

/** A clause that any term of a field satisfies which passes a test. */
export type TermTestQuery = TermsQuery | TermRangeQuery | PrefixQuery | PatternQuery

/** Whether a term satisfies a clause. */
export function termTest(query: TermTestQuery, budget: StepBudget): (term: string) => boolean {
  switch (query.kind) {
    case 'terms':
      return (term) => query.terms.has(term)
    case 'termRange':
      return within(query.lower, query.upper, compareCodePoints)
    case 'prefix':
      return (term) => term.startsWith(query.prefix)
    case 'pattern':
      return remembered((term) => query.matcher.matches(term, budget))
  }
}

/** A clause that any number of a field satisfies which passes a test. */
export type NumberTestQuery = NumbersQuery | NumberRangeQuery | NumberRangesQuery

/** Whether a number satisfies a clause. */
export function numberTest(query: NumberTestQuery): (value: number) => boolean {
  switch (query.kind) {
    case 'numbers':
      return (value) => query.values.has(value)
    case 'numberRange':
      return within(query.lower, query.upper, (a, b) => a - b)
    case 'numberRanges':
      return (value) => isInOneOf(query.ranges, value)
  }
}

/** By halving, so that tens of thousands of ranges cost little more than one. */
function isInOneOf(ranges: NumberRangesQuery['ranges'], value: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const [, last = value] = ranges[middle] ?? []
    if (last < value) low = middle + 1
    else high = middle
  }
  const [first] = ranges[low] ?? []
  return first !== undefined && first <= value
}

/** Verdicts on terms that one search keeps; terms repeat from document to document. */
const REMEMBERED_TERMS_MAX = 10_000

function remembered(accepts: (term: string) => boolean): (term: string) => boolean {
  const verdicts = new Map<string, boolean>()
  let unknown = 0
  return (term) => {
    // Where hardly a term comes twice, looking for it takes longer than it saves.
    if (unknown > 2 * REMEMBERED_TERMS_MAX) return accepts(term)
    const known = verdicts.get(term)
    if (known !== undefined) return known
    unknown += 1
    const verdict = accepts(term)
    if (verdicts.size < REMEMBERED_TERMS_MAX) verdicts.set(term, verdict)
    return verdict
  }
}

function compileTerm(
  field: string,
  term: string,
  boost: number,
  documentsWithTerm: number | undefined,
  context: JudgeContext,
): Judge {
  if (!context.scored) return constantly(1, (document) => hasTerm(document.field(field), term))

  const { statistics } = context
  const counts = statistics.field(field)
  const idf = inverseDocumentFrequency(
    counts.documents,
    documentsWithTerm ?? statistics.documentsWith(field, term),
  )
  const ofText = textScorer(boost, idf, counts)
  const ofKeyword = keywordScore(boost, idf)
  return (document) => {
    const indexed = document.field(field)
    if (indexed === undefined || indexed.kind === 'number') return undefined
    if (indexed.kind === 'keyword') return indexed.values.includes(term) ? ofKeyword : undefined
    const positions = indexed.terms.get(term)
    return positions === undefined ? undefined : ofText(positions.length, indexed.length)
  }
}

/** All terms near enough share the document count of the most frequent one, so that a rare misspelling never wins. */
function compileFuzzy(query: FuzzyQuery, boost: number, context: JudgeContext): Judge {
  const expansions = context.statistics.expansions(query)
  const documents = Math.max(0, ...expansions.map((expansion) => expansion.documents))
  return sumOf(
    expansions.map((expansion) => {
      const weight = boost * fuzzyBoost(query.term, expansion)
      return compileTerm(query.field, expansion.term, weight, documents, context)
    }),
  )
}

function compilePhrase(query: PhraseQuery, boost: number, context: JudgeContext): Judge {
  const score = phraseScorer(
    query.field,
    query.terms.map((term) => term.text),
    boost,
    context,
  )
  return (document) => {
    const indexed = document.field(query.field)
    if (indexed?.kind !== 'text') return undefined
    context.budget.spend(query.terms.length)
    const places = phrasePlaces(query.terms, (term) => indexed.terms.get(term))
    return places === undefined ? undefined : score(places, query.slop, indexed, context.budget)
  }
}

function compilePhrasePrefix(query: PhrasePrefixQuery, boost: number, context: JudgeContext): Judge {
  const lastTerms = context.statistics.expansions(query).map((expansion) => expansion.term)
  if (query.terms.length === 0) {
    return sumOf(
      lastTerms.map((term) =>
        compileTerm(query.field, term, boost, documentsOf(query, term, context), context),
      ),
    )
  }

  const idfs = context.statistics.expansions(query).map((expansion) => expansion.documents)
  const score = phraseScorer(
    query.field,
    query.terms.map((term) => term.text),
    boost,
    context,
    idfs,
  )
  return (document) => {
    const indexed = document.field(query.field)
    if (indexed?.kind !== 'text') return undefined
    context.budget.spend(query.terms.length + lastTerms.length)
    const places = phrasePlaces(query.terms, (term) => indexed.terms.get(term))
    const last = lastTerms.flatMap((term) => indexed.terms.get(term) ?? [])
    if (places === undefined || last.length === 0) return undefined
    const lastPlace = { offset: query.prefix.position, positions: last.toSorted((a, b) => a - b), text: '' }
    return score([...places, lastPlace], query.slop, indexed, context.budget)
  }
}

function documentsOf(query: PhrasePrefixQuery, term: string, context: JudgeContext): number | undefined {
  return context.statistics.expansions(query).find((expansion) => expansion.term === term)?.documents
}

type TextField = Extract<IndexedField, { readonly kind: 'text' }>

function phraseScorer(
  field: string,
  terms: readonly string[],
  boost: number,
  context: JudgeContext,
  moreDocumentCounts: readonly number[] = [],
): (
  places: readonly PhrasePlace[],
  slop: number,
  indexed: TextField,
  budget: StepBudget,
) => number | undefined {
  const { statistics } = context
  const counts = statistics.field(field)
  const documentCounts = [
    ...terms.map((term) => statistics.documentsWith(field, term)),
    ...moreDocumentCounts,
  ]
  const idf = documentCounts.reduce(
    (sum, documents) => sum + inverseDocumentFrequency(counts.documents, documents),
    0,
  )
  const scorer = textScorer(boost, Math.fround(idf), counts)
  return (places, slop, indexed, budget) => {
    budget.spend(places.reduce((steps, place) => steps + place.positions.length * places.length, 0))
    const frequency = phraseFrequency(places, slop)
    return frequency === 0 ? undefined : scorer(frequency, indexed.length)
  }
}

/** One word in several fields: all count as frequent as in the field where it is most frequent. */
function compileBlended(query: BlendedQuery, boost: number, context: JudgeContext): Judge {
  const counts = query.terms.map((term) => context.statistics.documentsWith(term.field, term.term))
  const most = Math.max(0, ...counts)
  const judges = query.terms.map((term, index) => {
    const rarer = new Set(counts.filter((count) => count > (counts[index] ?? 0))).size
    return compileTerm(term.field, term.term, boost * term.boost, most + rarer, context)
  })
  return bestOf(judges, query.tieBreaker)
}

function sumOf(judges: readonly Judge[]): Judge {
  return (document) => enough(judges, document, 1)
}

/** The sum of the scores when at least `needed` match. */
function enough(
  judges: readonly Judge[],
  document: PreparedDocument,
  needed: number | undefined,
): number | undefined {
  if (needed === undefined) return undefined
  let matches = 0
  let sum = 0
  for (const judge of judges) {
    const score = judge(document)
    if (score === undefined) continue
    matches += 1
    sum += score
  }
  return matches >= needed ? Math.fround(sum) : undefined
}

/** Of several counts the greatest; a document without one matches nothing. Less than one still needs one. */
function requiredCount(indexed: IndexedField | undefined): number | undefined {
  return indexed?.kind === 'number' ? Math.max(1, ...indexed.values) : undefined
}

function bestOf(judges: readonly Judge[], tieBreaker: number): Judge {
  return (document) => {
    let best: number | undefined
    let sum = 0
    for (const judge of judges) {
      const score = judge(document)
      if (score === undefined) continue
      sum += score
      if (best === undefined || score > best) best = score
    }
    return best === undefined ? undefined : Math.fround(best + (sum - best) * tieBreaker)
  }
}

function compileBool(query: BoolQuery, boost: number, context: JudgeContext): Judge {
  const unscored = { ...context, scored: false }
  const must = query.must.map((one) => compile(one, boost, context))
  const filter = query.filter.map((one) => compile(one, 1, unscored))
  const mustNot = query.mustNot.map((one) => compile(one, 1, unscored))
  const should = query.should.map((one) => compile(one, boost, context))
  return (document) => {
    for (const judge of filter) if (judge(document) === undefined) return undefined
    for (const judge of mustNot) if (judge(document) !== undefined) return undefined
    let sum = 0
    for (const judge of must) {
      const score = judge(document)
      if (score === undefined) return undefined
      sum += score
    }
    const optional = enough(should, document, query.shouldMin)
    return optional === undefined ? undefined : Math.fround(sum + optional)
  }
}

function compileNested(query: NestedQuery, boost: number, context: JudgeContext): Judge {
  const scored = context.scored && query.scoreMode !== 'none'
  const judge = compile(query.query, boost, { ...context, scored })
  return (document) => {
    const scores: number[] = []
    for (const object of document.nested(query.path)) {
      const score = judge(object)
      if (score !== undefined) scores.push(score)
    }
    return scores.length === 0 ? undefined : NESTED_SCORE[query.scoreMode](scores)
  }
}

const NESTED_SCORE: Readonly<Record<NestedQuery['scoreMode'], (scores: readonly number[]) => number>> = {
  none: () => 0,
  sum: (scores) => scores.reduce((sum, score) => sum + score, 0),
  avg: (scores) => scores.reduce((sum, score) => sum + score, 0) / scores.length,
  min: (scores) => Math.min(...scores),
  max: (scores) => Math.max(...scores),
}
