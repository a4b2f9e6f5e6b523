import { codePointCount, compareCodePoints } from '../code-point-order.ts'
import { judgeOf } from '../evaluate.ts'
import type { Query } from '../filter.ts'
import type { IndexedScope, TermSelection, TextIndex, VisitPosting } from '../indexed/text-index.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import { wholeQuery } from '../query-tree.ts'
import { StatisticsCounter } from '../statistics.ts'
import { StepBudget } from '../step-budget.ts'

const STEPS_MAX = 1_000_000_000

/** The words of a text field of some documents, as an index would hold them. */
export function memoryIndex(field: string, documents: readonly PreparedDocument[]): TextIndex {
  const postings = new Map<string, { document: number; length: number; positions: readonly number[] }[]>()
  let texts = 0
  let tokens = 0
  for (const document of documents) {
    const text = document.field(field)
    if (text?.kind !== 'text') continue
    texts += text.length > 0 ? 1 : 0
    tokens += text.length
    for (const [term, positions] of text.terms) {
      const posting = { document: document.position, length: text.length, positions }
      const known = postings.get(term)
      if (known === undefined) postings.set(term, [posting])
      else known.push(posting)
    }
  }
  const selected = (selection: TermSelection) =>
    [...postings]
      .filter(([term]) => isSelected(term, selection))
      .map(([term, all]) => ({ term, documents: all.length }))
  const visitAll = (term: string, visit: VisitPosting) => {
    for (const { document, length, positions } of postings.get(term) ?? []) visit(document, length, positions)
  }
  return {
    field,
    statistics: { documents: texts, tokens },
    async *terms(selection) {
      for (const one of selected(selection)) yield [one]
    },
    visitTerm: async (term, visit) => visitAll(term, visit),
    visitTerms: async (selection, accepts, visit) => {
      for (const one of selected(selection)) if (accepts(one)) visitAll(one.term, visit)
    },
  }
}

function isSelected(term: string, { from, before, contains = '', lengths }: TermSelection): boolean {
  const length = codePointCount(term)
  return (
    compareCodePoints(term, from) >= 0 &&
    (before === undefined || compareCodePoints(term, before) < 0) &&
    term.includes(contains) &&
    (lengths === undefined || (lengths[0] <= length && length <= lengths[1]))
  )
}

/** Documents of which the first `indexed` are in an index of a field; `told`: other fields that SQL would tell about. */
export function memoryScope(
  field: string,
  documents: readonly PreparedDocument[],
  indexed: number,
  told: readonly string[],
): IndexedScope & { readonly read: () => number } {
  const early = documents.slice(0, indexed)
  let read = 0
  const reading = (some: readonly PreparedDocument[]) => {
    read += some.length
    return some
  }
  return {
    read: () => read,
    index: memoryIndex(field, early),
    indexedTo: early.at(-1)?.position ?? -1,
    unindexed: () => [documents.slice(indexed)],
    documents: () => [reading(early)],
    positions: () => early.map((document) => [document.position]),
    documentsAt: (positions) => {
      const wanted = new Set(positions)
      return reading(early.filter((document) => wanted.has(document.position)))
    },
    candidates: () => [reading(early)],
    canTell: (query) => isTold(query, told),
    positionsOf: (query) => [
      matching(query, early)
        .map((document) => document.position)
        .reverse(),
    ],
    count: async (query) => matching(query, documents).length,
  }
}

function isTold(query: Query, told: readonly string[]): boolean {
  return [...wholeQuery(query)].every((one) => {
    if (one.kind === 'exists') return one.fields.every((field) => told.includes(field))
    if ('field' in one) return told.includes(one.field) && one.kind !== 'fuzzy'
    return one.kind !== 'nested' && one.kind !== 'termsSet'
  })
}

function matching(query: Query, documents: readonly PreparedDocument[]): readonly PreparedDocument[] {
  const budget = new StepBudget(STEPS_MAX)
  const judge = judgeOf(query, { statistics: new StatisticsCounter([], budget), budget, scored: false })
  return documents.filter((document) => judge(document) !== undefined)
}
