import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseElasticsearch } from './elasticsearch.ts'
import { judgeOf } from './evaluate.ts'
import { expandFuzzy, type FieldTerm } from './expand-fuzzy.ts'
import type { Query } from './filter.ts'
import { documentsOf } from './keywords/sample-keys.ts'
import { QueryError } from './query-error.ts'
import { wholeQuery } from './query-tree.ts'
import { StatisticsCounter, statisticsDemand } from './statistics.ts'
import { StepBudget } from './step-budget.ts'

const MAPPING = {
  properties: {
    name: { type: 'keyword' },
    other: { type: 'keyword' },
    text: { type: 'text' },
    part: { type: 'nested', properties: { name: { type: 'keyword' } } },
  },
} as const
const SCOPE = { mapping: MAPPING, now: 0 }
const STEPS = 1_000_000
const KEYWORDS = ['name', 'other']

type Source = { readonly name?: string; readonly other?: string; readonly text?: string }

function parse(query: unknown): Query {
  return parseElasticsearch(query, SCOPE)
}

/** The terms of the keyword fields, in slices of two documents. */
function termsIn(sources: readonly Source[]) {
  return (field: string): Iterable<readonly FieldTerm[]> | undefined => {
    if (field !== 'name' && field !== 'other') return undefined
    const terms = sources.flatMap((source) => source[field] ?? []).map((term) => ({ term, documents: 1 }))
    return terms.map((_, index) => terms.slice(index * 2, index * 2 + 2)).filter((slice) => slice.length > 0)
  }
}

function scores(query: Query, sources: readonly Source[], scored: boolean): readonly (number | undefined)[] {
  const documents = documentsOf(MAPPING, sources)
  const budget = new StepBudget(STEPS)
  const statistics = new StatisticsCounter(statisticsDemand([{ query, scored }]), budget)
  for (const document of documents) statistics.add(document)
  const judge = judgeOf(query, { statistics, budget, scored })
  return documents.map((document) => judge(document))
}

function expand(query: Query, sources: readonly Source[], scored = true): Promise<Query> {
  return expandFuzzy(query, scored, termsIn(sources), new StepBudget(STEPS))
}

const name = fc.constantFrom('lora', 'lorax', 'lroa', 'flora', 'sigfox', 'lo', 'l', '', 'lor😀')
const source: fc.Arbitrary<Source> = fc.record({ name, other: name, text: name }, { requiredKeys: [] })
const boost = fc.constantFrom(0, 1, 0.1, 1.1, 3, 1e-9)
const fuzzy = fc
  .record({
    field: fc.constantFrom(...KEYWORDS, 'text'),
    value: name,
    fuzziness: fc.constantFrom(0, 1, 2, 'AUTO'),
    max_expansions: fc.constantFrom(1, 2, 50),
    boost,
  })
  .map(({ field, ...rest }) => ({ fuzzy: { [field]: rest } }))
const leaf = fc.oneof(
  fuzzy,
  fc.constantFrom({ match_all: {} }, { term: { name: 'lora' } }, { match: { text: 'lora' } }),
)
const query: fc.Arbitrary<object> = fc.letrec<{ query: object }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .record({
        must: fc.array(tie('query'), { maxLength: 2 }),
        should: fc.array(tie('query'), { maxLength: 2 }),
        filter: fc.array(tie('query'), { maxLength: 1 }),
        must_not: fc.array(tie('query'), { maxLength: 1 }),
        boost,
      })
      .map((bool) => ({ bool })),
    fc.tuple(tie('query'), boost).map(([filter, by]) => ({ constant_score: { filter, boost: by } })),
    fc
      .record({ queries: fc.array(tie('query'), { minLength: 1, maxLength: 2 }), boost })
      .map((given) => ({ dis_max: { ...given, tie_breaker: 0.3 } })),
    fc
      .tuple(tie('query'), tie('query'))
      .map(([positive, negative]) => ({ boosting: { positive, negative, negative_boost: 0.3 } })),
  ),
})).query

describe('a query with the terms that fuzzy clauses stand for', () => {
  test('finds what they find, with the same scores', async () => {
    const runs = { numRuns: 2000 }
    const given = fc.tuple(query, fc.array(source, { maxLength: 8 }), fc.boolean())
    await fc.assert(
      fc.asyncProperty(given, async ([body, sources, scored]) => {
        const parsed = parse(body)
        const found = scores(await expand(parsed, sources, scored), sources, scored)
        const expected = scores(parsed, sources, scored)
        if (scored) assert.deepEqual(found, expected)
        else assert.deepEqual(found.map(isMatch), expected.map(isMatch))
      }),
      runs,
    )
  })

  test('has none left on fields whose terms are known, and keeps the others', async () => {
    const should = [{ fuzzy: { name: 'lorb' } }, { fuzzy: { text: 'lorb' } }]
    const expanded = await expand(parse({ bool: { should } }), [{ name: 'lora' }, { name: 'lorc' }])
    const fields = [...wholeQuery(expanded)].flatMap((one) => (one.kind === 'fuzzy' ? one.field : []))
    assert.deepEqual(fields, ['text'])
  })

  test('stays as it is without such clauses, and inside nested ones', async () => {
    const inside = { path: 'part', query: { fuzzy: { 'part.name': 'lora' } } }
    for (const body of [{ term: { name: 'lora' } }, { fuzzy: { text: 'lora' } }, { nested: inside }]) {
      const parsed = parse(body)
      assert.equal(await expand(parsed, [{ name: 'lora' }]), parsed)
    }
  })

  test('keeps nested clauses beside them as they are', async () => {
    const nested = { nested: { path: 'part', query: { fuzzy: { 'part.name': 'lora' } } } }
    const parsed = parse({ bool: { must: [{ fuzzy: { name: 'lorb' } }, nested] } })
    const expanded = await expand(parsed, [{ name: 'lora' }])
    assert.ok(parsed.kind === 'bool' && expanded.kind === 'bool')
    assert.equal(expanded.must[1], parsed.must[1])
    assert.equal(expanded.must[0]?.kind, 'terms')
  })

  test('is one list of terms where all of them score alike', async () => {
    const sources = ['lorb', 'lorc', 'lorb', 'sigfox'].map((one) => ({ name: one }))
    const expanded = await expand(parse({ fuzzy: { name: 'lora' } }), sources)
    assert.ok(expanded.kind === 'terms')
    assert.deepEqual(expanded.terms, new Set(['lorb', 'lorc']))
    assert.deepEqual(await expand(parse({ fuzzy: { name: 'gateway' } }), sources), { kind: 'none' })
  })

  test('is refused when there are more terms than steps', async () => {
    const terms = termsIn([{ name: 'lora' }, { name: 'lorb' }])
    const expanding = expandFuzzy(parse({ fuzzy: { name: 'lora' } }), true, terms, new StepBudget(9))
    await assert.rejects(expanding, (error) => error instanceof QueryError && error.code === 'too_expensive')
  })
})

function isMatch(score: number | undefined): boolean {
  return score !== undefined
}
