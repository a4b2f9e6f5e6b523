import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { computeAggregations, parseAggregations, queriesOfAggregations } from './aggregations.ts'
import { judgeOf } from './evaluate.ts'
import { executeSearch, slicesOf } from './execute-search.ts'
import type { Mapping } from './mapping.ts'
import { type PreparedDocument, prepareDocument } from './prepared-document.ts'
import { parseCollectionSearch } from './search-body.ts'
import { StatisticsCounter } from './statistics.ts'
import { StepBudget } from './step-budget.ts'
import { assertRefuses } from './testing/refusal.ts'

const MAPPING: Mapping = {
  properties: {
    tags: { type: 'keyword' },
    title: { type: 'text' },
    size: { type: 'long' },
    price: { type: 'double' },
    made: { type: 'date' },
    isOpen: { type: 'boolean' },
    parts: { type: 'nested', properties: { name: { type: 'keyword' } } },
  },
}
const NOW = Date.parse('2025-06-15T12:00:00Z')
const SCOPE = { mapping: MAPPING, now: NOW }

const SHOP = [
  {
    tags: ['red', 'blue'],
    title: 'small lamp',
    size: 1,
    price: 10,
    made: '2024-01-15T10:00:00Z',
    isOpen: true,
  },
  { tags: ['blue'], title: 'big lamp', size: 5, price: 20.5, made: '2024-01-20', isOpen: false },
  { tags: 'red', title: 'chair', size: [5, 7], price: 5, made: '2024-03-01T00:30:00Z', isOpen: true },
  { tags: [], title: 'table', size: 12, made: '2024-03-31T23:30:00Z', parts: [{ name: 'leg' }] },
  { tags: ['blue', 'blue', 'Ä'], price: -5 },
] as const

function prepare(sources: readonly unknown[]): readonly PreparedDocument[] {
  return sources.map((source, position) => prepareDocument(MAPPING, { id: `d${position}`, position, source }))
}

function aggregate(aggregations: unknown, sources: readonly unknown[] = SHOP, stepsMax = 1_000_000) {
  const budget = new StepBudget(stepsMax)
  const statistics = new StatisticsCounter([], budget)
  return computeAggregations(parseAggregations(aggregations, SCOPE), prepare(sources), {
    matcherOf: (query) => {
      const judge = judgeOf(query, { statistics, budget, scored: false })
      return (document) => judge(document) !== undefined
    },
    budget,
  })
}

/** The answer of one aggregation. */
function answer(aggregation: unknown, sources?: readonly unknown[]): unknown {
  return aggregate({ a: aggregation }, sources)['a']
}

function refuses(aggregation: unknown, message: string): void {
  assertRefuses(() => parseAggregations({ a: aggregation }, SCOPE), 'malformed', message)
}

describe('terms', () => {
  const terms = (options: object, sources?: readonly unknown[]) =>
    answer({ terms: { field: 'tags', ...options } }, sources)
  const buckets = (...pairs: readonly (readonly [key: unknown, count: number])[]) =>
    pairs.map(([key, count]) => ({ key, doc_count: count }))

  test('counts documents by value, most first, then by key', () => {
    assert.deepEqual(terms({}), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: buckets(['blue', 3], ['red', 2], ['Ä', 1]),
    })
    assert.deepEqual(answer({ terms: { field: 'size' } }), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: buckets([5, 2], [1, 1], [7, 1], [12, 1]),
    })
  })

  test('shows ten buckets, or as many as asked for, and counts the others', () => {
    const letters = [...'abcdefghijkl'].map((tags) => ({ tags }))
    assert.deepEqual(terms({}, letters), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 2,
      buckets: [...'abcdefghij'].map((key) => ({ key, doc_count: 1 })),
    })
    assert.deepEqual(terms({ size: 1 }), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 3,
      buckets: buckets(['blue', 3]),
    })
  })

  const bucketsOf = (options: object) => {
    const found = terms(options)
    return typeof found === 'object' && found !== null && 'buckets' in found ? found.buckets : undefined
  }

  test('can be sorted', () => {
    assert.deepEqual(bucketsOf({ order: { _key: 'asc' } }), buckets(['blue', 3], ['red', 2], ['Ä', 1]))
    assert.deepEqual(bucketsOf({ order: { _term: 'DESC' } }), buckets(['Ä', 1], ['red', 2], ['blue', 3]))
    assert.deepEqual(bucketsOf({ order: { _count: 'asc' } }), buckets(['Ä', 1], ['red', 2], ['blue', 3]))
    const codePoints = ['\uffff', '\u{10000}', 'a'].map((tags) => ({ tags }))
    assert.deepEqual(
      answer({ terms: { field: 'tags', order: [{ _count: 'desc' }, { _key: 'desc' }] } }, codePoints),
      {
        doc_count_error_upper_bound: 0,
        sum_other_doc_count: 0,
        buckets: buckets(['\u{10000}', 1], ['\uffff', 1], ['a', 1]),
      },
    )
  })

  test('can be sorted by numbers inside the buckets, buckets without one last', () => {
    const byPrice = (order: object, inner: object) => {
      const found = answer({ terms: { field: 'tags', order }, aggs: { price: inner } }, [
        ...SHOP,
        { tags: 'none' },
      ])
      return JSON.stringify(found)
        .match(/"key":"[^"]+"/g)
        ?.map((key) => key.slice(7, -1))
    }
    const avg = { avg: { field: 'price' } }
    assert.deepEqual(byPrice({ price: 'asc' }, avg), ['Ä', 'red', 'blue', 'none'])
    assert.deepEqual(byPrice({ price: 'desc' }, avg), ['blue', 'red', 'Ä', 'none'])
    assert.deepEqual(byPrice({ 'price.value': 'asc' }, avg), ['Ä', 'red', 'blue', 'none'])
    const stats = { stats: { field: 'price' } }
    assert.deepEqual(byPrice({ 'price.max': 'asc' }, stats), ['Ä', 'red', 'blue', 'none'])
    assert.deepEqual(byPrice({ 'price[min]': 'desc' }, stats), ['red', 'blue', 'Ä', 'none'])
    const cheap = { filter: { range: { price: { lt: 8 } } } }
    assert.deepEqual(byPrice({ price: 'desc' }, cheap), ['blue', 'red', 'Ä', 'none'])
    assert.deepEqual(byPrice({ 'price._count': 'asc' }, cheap), ['none', 'blue', 'red', 'Ä'])
  })

  test('leaves out small buckets and unwanted values', () => {
    assert.deepEqual(bucketsOf({ min_doc_count: 2 }), buckets(['blue', 3], ['red', 2]))
    assert.deepEqual(bucketsOf({ include: ['red', 'green'] }), buckets(['red', 2]))
    assert.deepEqual(bucketsOf({ exclude: ['red', 'green'] }), buckets(['blue', 3], ['Ä', 1]))
    assert.deepEqual(bucketsOf({ include: '.*e.*' }), buckets(['blue', 3], ['red', 2]))
    assert.deepEqual(bucketsOf({ include: '.*e.*', exclude: 'b.+' }), buckets(['red', 2]))
    assert.deepEqual(answer({ terms: { field: 'size', include: ['5', 12], exclude: [12] } }), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: buckets([5, 2]),
    })
  })

  test('gives documents without value the missing one', () => {
    assert.deepEqual(bucketsOf({ missing: 'none' }), buckets(['blue', 3], ['red', 2], ['none', 1], ['Ä', 1]))
    assert.deepEqual(answer({ terms: { field: 'nope', missing: 3 } }, [{}]), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: buckets([3, 1]),
    })
  })

  test('tells dates and booleans as text too', () => {
    assert.deepEqual(answer({ terms: { field: 'isOpen' } }), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: [
        { key_as_string: 'true', key: 1, doc_count: 2 },
        { key_as_string: 'false', key: 0, doc_count: 1 },
      ],
    })
    assert.deepEqual(answer({ terms: { field: 'made', format: 'yyyy-MM-dd', include: ['2024-01-20'] } }), {
      doc_count_error_upper_bound: 0,
      sum_other_doc_count: 0,
      buckets: [{ key_as_string: '2024-01-20', key: Date.parse('2024-01-20'), doc_count: 1 }],
    })
    for (const yes of [true, 'true', 1]) {
      assert.deepEqual(bucketsOfField('isOpen', { include: [yes], missing: false }), [
        { key_as_string: 'true', key: 1, doc_count: 2 },
      ])
    }
    for (const no of [false, 'false', 0]) {
      assert.deepEqual(bucketsOfField('isOpen', { include: [no], missing: no }), [
        { key_as_string: 'false', key: 0, doc_count: 3 },
      ])
    }
  })

  const bucketsOfField = (field: string, options: object) => {
    const found = answer({ terms: { field, ...options } })
    return typeof found === 'object' && found !== null && 'buckets' in found ? found.buckets : undefined
  }

  test('knows ids, and finds nothing in fields that are not mapped or inside nested objects', () => {
    assert.deepEqual(bucketsOfField('_id', { size: 1 }), buckets(['d0', 1]))
    assert.deepEqual(bucketsOfField('nope', {}), [])
    assert.deepEqual(bucketsOfField('parts.name', {}), [])
  })

  test('refuses what it cannot do', () => {
    refuses({ terms: {} }, 'Required one of fields [field, script], but none were specified. ')
    refuses({ terms: { field: 'tags', sizes: 1 } }, '[terms] unknown field [sizes]')
    refuses({ terms: { field: 'tags', size: 0 } }, '[size] must be greater than 0. Found [0] in [terms]')
    refuses({ terms: { field: 'tags', size: 1.5 } }, '[size] must be greater than 0. Found [1.5] in [terms]')
    refuses({ terms: { field: 'tags', size: 'x' } }, 'For input string: "x"')
    refuses(
      { terms: { field: 'tags', min_doc_count: -1 } },
      '[min_doc_count] must be greater than or equal to 0. Found [-1] in [terms]',
    )
    refuses({ terms: { field: 'tags', order: { _key: 'up' } } }, 'Unknown order direction [up]')
    refuses({ terms: { field: 'tags', order: {} } }, 'Must specify at least one field for [order]')
    refuses(
      { terms: { field: 'tags', order: { _key: 'asc', _count: 'asc' } } },
      'Must specify at least one field for [order]',
    )
    refuses({ terms: { field: 'tags', order: 'asc' } }, 'Unexpected token [VALUE_STRING] for [order]')
    refuses(
      { terms: { field: 'tags', order: Array(21).fill({ _key: 'asc' }) } },
      '[order] has more than 20 elements',
    )
    refuses(
      { terms: { field: 'tags', order: { x: 'asc' } } },
      'Invalid aggregation order path [x]. Cannot find aggregation named [x]',
    )
    refuses(
      { terms: { field: 'tags', order: { 'x>y': 'asc' } }, aggs: { x: { avg: { field: 'price' } } } },
      'Invalid aggregation order path [x>y]. Cannot find aggregation named []',
    )
    refuses(
      { terms: { field: 'tags', order: { x: 'asc' } }, aggs: { x: { stats: { field: 'price' } } } },
      'Invalid aggregation order path [x]. [] is no number of [x]',
    )
    refuses(
      { terms: { field: 'tags', order: { 'x.max': 'asc' } }, aggs: { x: { avg: { field: 'price' } } } },
      'Invalid aggregation order path [x.max]. [max] is no number of [x]',
    )
    refuses(
      { terms: { field: 'tags', order: { x: 'asc' } }, aggs: { x: { terms: { field: 'tags' } } } },
      'Invalid aggregation order path [x]. [] is no number of [x]',
    )
    refuses({ terms: { field: 'tags', include: { partition: 0 } } }, 'Unrecognized token in [include]')
    refuses({ terms: { field: 'tags', include: [{}] } }, 'Unrecognized token in [include]')
    refuses({ terms: { field: 'tags', include: '(' } }, 'failed to create query: unexpected end-of-string')
    refuses(
      { terms: { field: 'size', exclude: '1.*' } },
      'Aggregation [terms] cannot support regular expression style include/exclude settings as they can only be ' +
        'applied to string fields. Use an array of values for include/exclude clauses',
    )
    refuses({ terms: { field: 'size', include: ['x'] } }, 'For input string: "x"')
    refuses(
      { terms: { field: 'title' } },
      'Text fields are not optimised for operations that require per-document field data like aggregations and ' +
        'sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, ' +
        'set fielddata=true on [title] in order to load field data by uninverting the inverted index. Note that this ' +
        'can use significant memory.',
    )
  })

  test('ignores how the work would be spread', () => {
    const options = {
      shard_size: 5,
      collect_mode: 'depth_first',
      execution_hint: 'map',
      show_term_doc_count_error: true,
    }
    assert.deepEqual(terms(options), terms({}))
  })

  test('counts what a plain count counts', () => {
    const sources = fc.array(
      fc.record({ tags: fc.array(fc.constantFrom<string[]>('a', 'b', 'c'), { maxLength: 4 }) }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(sources, (all) => {
        const expected = ['a', 'b', 'c']
          .map((key) => ({ key, doc_count: all.filter(({ tags }) => tags.includes(key)).length }))
          .filter(({ doc_count }) => doc_count > 0)
        expected.sort((left, right) => right.doc_count - left.doc_count)
        assert.deepEqual(answer({ terms: { field: 'tags' } }, all), {
          doc_count_error_upper_bound: 0,
          sum_other_doc_count: 0,
          buckets: expected,
        })
      }),
    )
  })
})

describe('range and date_range', () => {
  test('count documents with a value from the lower end up to, not including, the upper', () => {
    const ranges = [{ from: 5, to: 12 }, { to: 5 }, { from: 12, key: 'large' }, { from: 5, to: 7 }]
    assert.deepEqual(answer({ range: { field: 'size', ranges } }), {
      buckets: [
        { key: '*-5.0', to: 5, doc_count: 1 },
        { key: '5.0-7.0', from: 5, to: 7, doc_count: 2 },
        { key: '5.0-12.0', from: 5, to: 12, doc_count: 2 },
        { key: 'large', from: 12, doc_count: 1 },
      ],
    })
  })

  test('keys are numbers as Java prints them', () => {
    const ranges = [
      {},
      { from: '1e7' },
      { from: 0.0005, to: 12_345_678.5 },
      { from: -0.25, to: 0 },
      { from: null, to: 1e-3 },
    ]
    assert.deepEqual(answer({ range: { field: 'price', ranges, keyed: true, missing: 3 } }), {
      buckets: {
        '*-*': { doc_count: 5 },
        '*-0.001': { to: 0.001, doc_count: 1 },
        '-0.25-0.0': { from: -0.25, to: 0, doc_count: 0 },
        '5.0E-4-1.23456785E7': { from: 0.0005, to: 12_345_678.5, doc_count: 4 },
        '1.0E7-*': { from: 1e7, doc_count: 0 },
      },
    })
  })

  test('of dates have ends as text, and understand date math', () => {
    const ranges = [{ to: '2024-02-01' }, { from: '2024-03-01||/M', to: 'now', key: 'later' }]
    assert.deepEqual(answer({ date_range: { field: 'made', ranges } }), {
      buckets: [
        {
          key: '*-2024-02-01T00:00:00.000Z',
          to: Date.parse('2024-02-01'),
          to_as_string: '2024-02-01T00:00:00.000Z',
          doc_count: 2,
        },
        {
          key: 'later',
          from: Date.parse('2024-03-01'),
          from_as_string: '2024-03-01T00:00:00.000Z',
          to: NOW,
          to_as_string: '2025-06-15T12:00:00.000Z',
          doc_count: 2,
        },
      ],
    })
    assert.deepEqual(
      answer({
        date_range: {
          field: 'made',
          format: 'yyyy-MM',
          time_zone: '+01:00',
          ranges: [{ from: '2024-04' }],
          keyed: true,
        },
      }),
      {
        buckets: {
          '2024-04-*': { from: Date.parse('2024-03-31T23:00Z'), from_as_string: '2024-04', doc_count: 1 },
        },
      },
    )
  })

  test('have buckets also for fields that are not mapped', () => {
    assert.deepEqual(answer({ range: { field: 'nope', ranges: [{ to: 1 }] } }), {
      buckets: [{ key: '*-1.0', to: 1, doc_count: 0 }],
    })
  })

  test('refuse what they cannot do', () => {
    refuses({ range: { field: 'size' } }, 'No [ranges] specified for the [a] aggregation')
    refuses({ range: { field: 'size', ranges: [] } }, 'No [ranges] specified for the [a] aggregation')
    refuses({ range: { field: 'size', ranges: {} } }, "[range] ranges doesn't support values of type: object")
    refuses({ range: { field: 'size', ranges: [5] } }, '[range] ranges has to be an array of objects')
    refuses({ range: { field: 'size', ranges: [{ gt: 5 }] } }, '[range] unknown field [gt]')
    refuses({ range: { field: 'size', ranges: [{ to: {} }] } }, '[range] [to] must be a string or a number')
    refuses({ range: { field: 'size', ranges: [{ to: 'x' }] } }, 'For input string: "x"')
    refuses({ range: { field: 'size', ranges: Array(1025).fill({}) } }, '[range] has more than 1024 ranges')
    refuses(
      { range: { field: 'tags', ranges: [{}] } },
      'Field [tags] of type [keyword] is not supported for aggregation [range]',
    )
    refuses(
      { date_range: { field: 'tags', ranges: [{}] } },
      'Field [tags] of type [keyword] is not supported for aggregation [date_range]',
    )
    refuses(
      { date_range: { field: 'made', ranges: [{}], format: 'b' } },
      'Invalid format: [b]: Unknown pattern letter: b',
    )
  })
})

describe('histogram', () => {
  const histogram = (options: object) => answer({ histogram: { field: 'size', interval: 5, ...options } })

  test('counts documents by interval, empty ones between others included', () => {
    assert.deepEqual(histogram({}), {
      buckets: [
        { key: 0, doc_count: 1 },
        { key: 5, doc_count: 2 },
        { key: 10, doc_count: 1 },
      ],
    })
    assert.deepEqual(histogram({ interval: 4 }), {
      buckets: [
        { key: 0, doc_count: 1 },
        { key: 4, doc_count: 2 },
        { key: 8, doc_count: 0 },
        { key: 12, doc_count: 1 },
      ],
    })
    assert.deepEqual(
      answer({ histogram: { field: 'price', interval: 10, min_doc_count: 1, offset: -1.5 } }),
      {
        buckets: [
          { key: -11.5, doc_count: 1 },
          { key: -1.5, doc_count: 1 },
          { key: 8.5, doc_count: 1 },
          { key: 18.5, doc_count: 1 },
        ],
      },
    )
  })

  test('can be wider or narrower than the values, sorted and keyed', () => {
    assert.deepEqual(
      histogram({ extended_bounds: { min: -1, max: 16 }, hard_bounds: { max: 5 }, keyed: true }),
      {
        buckets: {
          '-5.0': { key: -5, doc_count: 0 },
          '0.0': { key: 0, doc_count: 1 },
          '5.0': { key: 5, doc_count: 2 },
          '10.0': { key: 10, doc_count: 0 },
          '15.0': { key: 15, doc_count: 0 },
        },
      },
    )
    assert.deepEqual(histogram({ hard_bounds: { min: 5 }, order: { _count: 'asc' }, min_doc_count: 1 }), {
      buckets: [
        { key: 10, doc_count: 1 },
        { key: 5, doc_count: 2 },
      ],
    })
    assert.deepEqual(answer({ histogram: { field: 'nope', interval: 1 } }), { buckets: [] })
    assert.deepEqual(
      answer({ histogram: { field: 'nope', interval: 5, extended_bounds: { min: 0, max: 5 } } }),
      {
        buckets: [
          { key: 0, doc_count: 0 },
          { key: 5, doc_count: 0 },
        ],
      },
    )
  })

  test('keys of fractional intervals do not drift', () => {
    const sources = [{ price: 0.1 }, { price: 100.05 }]
    const found = answer({ histogram: { field: 'price', interval: 0.1 } }, sources)
    const buckets = typeof found === 'object' && found !== null && 'buckets' in found ? found.buckets : []
    assert.ok(Array.isArray(buckets))
    assert.equal(buckets.length, 1000)
    assert.deepEqual(buckets.at(-1), { key: 1000 * 0.1, doc_count: 1 })
  })

  test('refuses what it cannot do', () => {
    refuses({ histogram: { field: 'size' } }, 'Required [interval]')
    refuses(
      { histogram: { field: 'size', interval: 0 } },
      '[interval] must be >0 for histogram aggregation [a]',
    )
    refuses(
      { histogram: { field: 'size', interval: -5 } },
      '[interval] must be >0 for histogram aggregation [a]',
    )
    refuses(
      { histogram: { field: 'tags', interval: 5 } },
      'Field [tags] of type [keyword] is not supported for aggregation [histogram]',
    )
    refuses({ histogram: { field: 'size', interval: 5, hard_bounds: 5 } }, '[hard_bounds] must be an object')
    refuses(
      { histogram: { field: 'size', interval: 5, hard_bounds: { from: 5 } } },
      '[hard_bounds] unknown field [from]',
    )
    refuses(
      { histogram: { field: 'size', interval: 5, hard_bounds: { min: [] } } },
      '[hard_bounds] [min] must be a string or a number',
    )
    refuses(
      { histogram: { field: 'size', interval: 5, extended_bounds: { min: 5, max: 4 } } },
      '[min bound] cannot be greater than [max bound]: [5] and [4]',
    )
  })

  test('refuses more buckets than are allowed', () => {
    assertRefuses(
      () => histogram({ interval: 1e-9 }),
      'too_expensive',
      'Trying to create too many buckets. Must be less than or equal to: [65536] but was [65537]. This limit can be set ' +
        'by changing the [search.max_buckets] cluster level setting.',
    )
  })
})

describe('date_histogram', () => {
  const histogram = (options: object) => answer({ date_histogram: { field: 'made', ...options } })
  const at = (text: string, count: number) => ({
    key_as_string: new Date(text).toISOString(),
    key: Date.parse(text),
    doc_count: count,
  })

  test('counts documents by unit of the calendar', () => {
    const months = { buckets: [at('2024-01-01', 2), at('2024-02-01', 0), at('2024-03-01', 2)] }
    assert.deepEqual(histogram({ calendar_interval: 'month' }), months)
    assert.deepEqual(histogram({ calendar_interval: '1M' }), months)
    assert.deepEqual(histogram({ interval: '1M' }), months)
    assert.deepEqual(histogram({ calendar_interval: 'year' }), { buckets: [at('2024-01-01', 4)] })
    assert.deepEqual(histogram({ calendar_interval: '1q' }), { buckets: [at('2024-01-01', 4)] })
    assert.deepEqual(histogram({ calendar_interval: 'week', min_doc_count: 1 }), {
      buckets: [at('2024-01-15', 2), at('2024-02-26', 1), at('2024-03-25', 1)],
    })
    assert.deepEqual(
      histogram({ calendar_interval: '1h', min_doc_count: 1, hard_bounds: { max: '2024-01-16' } }),
      {
        buckets: [at('2024-01-15T10:00Z', 1)],
      },
    )
  })

  test('counts documents by length of time', () => {
    assert.deepEqual(histogram({ fixed_interval: '30d', offset: '+1d' }), {
      buckets: [at('2023-12-20', 1), at('2024-01-19', 1), at('2024-02-18', 1), at('2024-03-19', 1)],
    })
    assert.deepEqual(histogram({ interval: '90m', min_doc_count: 1, hard_bounds: { max: '2024-01-16' } }), {
      buckets: [at('2024-01-15T09:00Z', 1)],
    })
    assert.deepEqual(
      histogram({
        fixed_interval: '1d',
        min_doc_count: 1,
        hard_bounds: { min: '2024-03-01' },
        offset: '-1h',
      }),
      { buckets: [at('2024-02-29T23:00Z', 1), at('2024-03-31T23:00Z', 1)] },
    )
    for (const [unit, length] of [
      ['ms', 1],
      ['s', 1000],
      ['m', 60_000],
      ['h', 3_600_000],
    ] as const) {
      assert.deepEqual(
        answer({ date_histogram: { field: 'made', fixed_interval: `2${unit}` } }, [{ made: 5 * length }]),
        { buckets: [at(new Date(4 * length).toISOString(), 1)] },
      )
    }
  })

  test('follows a zone, its summer time included, and a format', () => {
    assert.deepEqual(
      histogram({ calendar_interval: 'month', time_zone: 'Europe/Paris', format: 'yyyy-MM-dd', keyed: true }),
      {
        buckets: {
          '2024-01-01': { key_as_string: '2024-01-01', key: Date.parse('2023-12-31T23:00Z'), doc_count: 2 },
          '2024-02-01': { key_as_string: '2024-02-01', key: Date.parse('2024-01-31T23:00Z'), doc_count: 0 },
          '2024-03-01': { key_as_string: '2024-03-01', key: Date.parse('2024-02-29T23:00Z'), doc_count: 1 },
          '2024-04-01': { key_as_string: '2024-04-01', key: Date.parse('2024-03-31T22:00Z'), doc_count: 1 },
        },
      },
    )
    const hours = answer(
      {
        date_histogram: {
          field: 'made',
          fixed_interval: '12h',
          time_zone: 'Europe/Paris',
          format: 'dd HH:mm XXX',
        },
      },
      [{ made: '2024-03-30T20:00Z' }, { made: '2024-03-31T22:30Z' }],
    )
    assert.match(
      JSON.stringify(hours),
      /30 12:00 \+01:00.*31 00:00 \+01:00.*31 12:00 \+02:00.*01 00:00 \+02:00/,
    )
  })

  test('reaches as far as asked for', () => {
    assert.deepEqual(
      histogram({
        calendar_interval: 'month',
        extended_bounds: { min: '2023-12', max: '2024-02' },
        hard_bounds: { max: '2024-02-10' },
      }),
      { buckets: [at('2023-12-01', 0), at('2024-01-01', 2), at('2024-02-01', 0)] },
    )
    assert.deepEqual(histogram({ calendar_interval: 'year', missing: '2025-01-01' }), {
      buckets: [at('2024-01-01', 4), at('2025-01-01', 1)],
    })
  })

  test('refuses what it cannot do', () => {
    refuses(
      { date_histogram: { field: 'made' } },
      'Invalid interval specified, must be non-null and non-empty',
    )
    refuses(
      { date_histogram: { field: 'made', calendar_interval: '2d' } },
      'The supplied interval [2d] could not be parsed as a calendar interval.',
    )
    refuses(
      { date_histogram: { field: 'made', fixed_interval: '1M' } },
      'failed to parse setting [date_histogram.fixedInterval] with value [1M] as a time value: unit is missing or ' +
        'unrecognized',
    )
    refuses(
      { date_histogram: { field: 'made', fixed_interval: '0d' } },
      '[interval] must be 1 or greater for aggregation [date_histogram]',
    )
    refuses(
      { date_histogram: { field: 'made', fixed_interval: '1d', interval: '1d' } },
      'Cannot use [interval] with [fixed_interval] or [calendar_interval]',
    )
    refuses(
      { date_histogram: { field: 'made', fixed_interval: '1d', offset: 'x' } },
      'failed to parse [offset] with value [x] as a time value',
    )
    refuses(
      { date_histogram: { field: 'tags', fixed_interval: '1d' } },
      'Field [tags] of type [keyword] is not supported for aggregation [date_histogram]',
    )
  })
})

describe('missing, filter and filters', () => {
  test('missing counts documents without value', () => {
    assert.deepEqual(answer({ missing: { field: 'tags' } }), { doc_count: 1 })
    assert.deepEqual(answer({ missing: { field: 'nope' } }), { doc_count: 5 })
    assert.deepEqual(answer({ missing: { field: 'tags', missing: 'x' } }), { doc_count: 0 })
  })

  test('filter counts what a query finds', () => {
    assert.deepEqual(answer({ filter: { match: { title: 'LAMP' } } }), { doc_count: 2 })
  })

  test('filters count for each query, by name or in order', () => {
    const lamp = { match: { title: 'lamp' } }
    const red = { term: { tags: 'red' } }
    assert.deepEqual(answer({ filters: { filters: { lamp, red } } }), {
      buckets: { lamp: { doc_count: 2 }, red: { doc_count: 2 } },
    })
    assert.deepEqual(answer({ filters: { filters: [red, lamp], other_bucket: true } }), {
      buckets: [{ doc_count: 2 }, { doc_count: 2 }, { doc_count: 2 }],
    })
    assert.deepEqual(answer({ filters: { filters: { lamp }, other_bucket: true } }), {
      buckets: { lamp: { doc_count: 2 }, _other_: { doc_count: 3 } },
    })
    assert.deepEqual(answer({ filters: { filters: { lamp }, other_bucket_key: 'rest' } }), {
      buckets: { lamp: { doc_count: 2 }, rest: { doc_count: 3 } },
    })
  })

  test('filters refuse what they cannot do', () => {
    refuses({ filters: {} }, '[filters] cannot be empty in aggregation [a]')
    refuses({ filters: { filters: [] } }, '[filters] cannot be empty in aggregation [a]')
    refuses({ filters: { filters: {}, x: 1 } }, '[filters] unknown field [x]')
    assert.throws(() => parseAggregations({ a: { filter: { nope: {} } } }, SCOPE), { code: 'unknown_clause' })
    assert.throws(() => parseAggregations({ a: { filters: { filters: [{ nope: {} }] } } }, SCOPE), {
      code: 'unknown_clause',
    })
  })
})

describe('metrics', () => {
  test('calculate over all values', () => {
    assert.deepEqual(answer({ avg: { field: 'size' } }), { value: 6 })
    assert.deepEqual(answer({ min: { field: 'price' } }), { value: -5 })
    assert.deepEqual(answer({ max: { field: 'price' } }), { value: 20.5 })
    assert.deepEqual(answer({ sum: { field: 'price' } }), { value: 30.5 })
    assert.deepEqual(answer({ value_count: { field: 'size' } }), { value: 5 })
    assert.deepEqual(answer({ value_count: { field: 'tags' } }), { value: 6 })
    assert.deepEqual(answer({ cardinality: { field: 'size', precision_threshold: 100 } }), { value: 4 })
    assert.deepEqual(answer({ cardinality: { field: 'tags' } }), { value: 3 })
    assert.deepEqual(answer({ stats: { field: 'size' } }), { count: 5, min: 1, max: 12, avg: 6, sum: 30 })
    assert.deepEqual(answer({ sum: { field: 'price', missing: '4.5' } }), { value: 35 })
    assert.deepEqual(answer({ avg: { field: 'isOpen', missing: true } }), {
      value: 0.8,
      value_as_string: 'true',
    })
  })

  test('tell that there is nothing', () => {
    for (const metric of ['avg', 'min', 'max'])
      assert.deepEqual(answer({ [metric]: { field: 'nope' } }), { value: null })
    for (const metric of ['sum', 'value_count', 'cardinality']) {
      assert.deepEqual(answer({ [metric]: { field: 'nope' } }), { value: 0 })
    }
    assert.deepEqual(answer({ stats: { field: 'made' } }, []), {
      count: 0,
      min: null,
      max: null,
      avg: null,
      sum: 0,
      sum_as_string: '1970-01-01T00:00:00.000Z',
    })
  })

  test('tell dates as text too', () => {
    assert.deepEqual(answer({ max: { field: 'made', format: 'yyyy-MM-dd' } }), {
      value: Date.parse('2024-03-31T23:30:00Z'),
      value_as_string: '2024-03-31',
    })
    assert.deepEqual(answer({ value_count: { field: 'made' } }), { value: 4 })
  })

  test('refuse fields without numbers, and aggregations inside', () => {
    for (const metric of ['avg', 'min', 'max', 'sum', 'stats']) {
      refuses(
        { [metric]: { field: 'tags' } },
        `Field [tags] of type [keyword] is not supported for aggregation [${metric}]`,
      )
    }
    refuses({ avg: {} }, 'Required one of fields [field, script], but none were specified. ')
    refuses({ avg: { field: 'size', precision_threshold: 1 } }, '[avg] unknown field [precision_threshold]')
    refuses(
      { avg: { field: 'size' }, aggs: { b: { avg: { field: 'size' } } } },
      'Aggregator [a] of type [avg] cannot accept sub-aggregations',
    )
  })
})

describe('aggregations', () => {
  test('are carried out for each bucket of others', () => {
    const found = aggregate({
      colours: {
        terms: { field: 'tags', size: 2, order: { _key: 'desc' }, include: ['red', 'blue'] },
        aggregations: {
          size: { max: { field: 'size' } },
          lamps: { filter: { match: { title: 'lamp' } }, aggs: { sum: { sum: { field: 'price' } } } },
        },
      },
      all: { stats: { field: 'price' } },
    })
    assert.deepEqual(found, {
      colours: {
        doc_count_error_upper_bound: 0,
        sum_other_doc_count: 0,
        buckets: [
          { key: 'red', doc_count: 2, size: { value: 7 }, lamps: { doc_count: 1, sum: { value: 10 } } },
          { key: 'blue', doc_count: 3, size: { value: 5 }, lamps: { doc_count: 2, sum: { value: 30.5 } } },
        ],
      },
      all: { count: 4, min: -5, max: 20.5, avg: 7.625, sum: 30.5 },
    })
    const inside = { n: { value_count: { field: 'size' } } }
    assert.deepEqual(answer({ missing: { field: 'price' }, aggs: inside }), { doc_count: 1, n: { value: 1 } })
    assert.deepEqual(answer({ range: { field: 'price', ranges: [{ from: 20 }] }, aggs: inside }), {
      buckets: [{ key: '20.0-*', from: 20, doc_count: 1, n: { value: 1 } }],
    })
    assert.deepEqual(answer({ filters: { filters: [{ match_all: {} }] }, aggs: inside }), {
      buckets: [{ doc_count: 5, n: { value: 5 } }],
    })
    assert.deepEqual(
      answer({ histogram: { field: 'price', interval: 100, min_doc_count: 1 }, aggs: inside }),
      {
        buckets: [
          { key: -100, doc_count: 1, n: { value: 0 } },
          { key: 0, doc_count: 3, n: { value: 4 } },
        ],
      },
    )
  })

  test('give their meta data back', () => {
    assert.deepEqual(answer({ avg: { field: 'size' }, meta: { unit: 'cm' } }), {
      meta: { unit: 'cm' },
      value: 6,
    })
    assert.deepEqual(answer({ missing: { field: 'tags' }, meta: { unit: 'cm' } }), {
      meta: { unit: 'cm' },
      doc_count: 1,
    })
    assert.deepEqual(answer({ avg: { field: 'size' }, meta: 5 }), { value: 6 })
  })

  test('without any there is nothing to tell', () => {
    assert.deepEqual(aggregate({}), {})
  })

  test('that are none are refused', () => {
    refuses({ nope: {} }, 'Unknown aggregation type [nope]')
    refuses({ toString: {} }, 'Unknown aggregation type [toString]')
    refuses({ percentiles: { field: 'size' } }, 'Unknown aggregation type [percentiles]')
    refuses({}, 'Missing definition for aggregation [a]')
    refuses({ meta: {} }, 'Missing definition for aggregation [a]')
    refuses(
      { avg: { field: 'size' }, sum: { field: 'size' } },
      'Found two aggregation type definitions in [a]: [avg] and [sum]',
    )
    refuses({ avg: 5 }, 'Expected [START_OBJECT] under [avg], but got a [VALUE_NUMBER] in [a]')
    refuses(5, 'Aggregation definition for [a starts with a [VALUE_NUMBER], expected a [START_OBJECT].')
    refuses(
      { terms: { field: 'tags' }, aggs: [] },
      'Unexpected token [START_ARRAY] in [aggs], expected [START_OBJECT]',
    )
    for (const name of ['a[b', 'a]b', 'a>b', '']) {
      assertRefuses(
        () => parseAggregations({ [name]: { avg: { field: 'size' } } }, SCOPE),
        'malformed',
        `Invalid aggregation name [${name}]. Aggregation names can contain any character except '[', ']', and '>'`,
      )
    }
    assertRefuses(
      () => parseAggregations([], SCOPE),
      'malformed',
      'Unexpected token [START_ARRAY] in [aggs], expected [START_OBJECT]',
    )
  })

  const nested = (depth: number): object =>
    depth === 1
      ? { a: { missing: { field: 'tags' } } }
      : { a: { missing: { field: 'tags' }, aggs: nested(depth - 1) } }

  test('are bounded in depth and number', () => {
    assert.doesNotThrow(() => parseAggregations(nested(20), SCOPE))
    assertRefuses(
      () => parseAggregations(nested(21), SCOPE),
      'malformed',
      'Aggregations are nested more than 20 levels deep',
    )
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`a${index}`, { avg: { field: 'size' } }]),
      )
    assert.equal(Object.keys(parseAggregations(many(200), SCOPE)).length, 200)
    assertRefuses(
      () => parseAggregations(many(201), SCOPE),
      'malformed',
      'A search has more than 200 aggregations, and that is the limit',
    )
  })

  test('take their work from the budget', () => {
    assert.throws(() => aggregate({ a: { avg: { field: 'size' } } }, SHOP, 5), { code: 'too_expensive' })
    assert.doesNotThrow(() => aggregate({ a: { avg: { field: 'size' } } }, SHOP, 6))
    assert.throws(() => aggregate({ a: { terms: { field: 'tags', include: 'x.*' } } }, SHOP, 10), {
      code: 'too_expensive',
    })
  })

  test('name the queries in them, at any level', () => {
    const filter = {
      filter: { ids: { values: ['1'] } },
      aggs: { b: { filters: { filters: [{ match_none: {} }, { match_all: {} }] } } },
    }
    const parsed = parseAggregations(
      { a: { terms: { field: 'tags' }, aggs: { filter, n: { avg: { field: 'size' } } } } },
      SCOPE,
    )
    assert.deepEqual(
      queriesOfAggregations(parsed).map((query) => query.kind),
      ['ids', 'none', 'all'],
    )
  })

  test('of a search tell about all its matches, whatever the page and the post filter', async () => {
    const body = {
      query: { exists: { field: 'title' } },
      post_filter: { term: { tags: 'red' } },
      aggs: { near: { filter: { fuzzy: { title: 'lamb' } } }, size: { max: { field: 'size' } } },
    }
    const { search } = parseCollectionSearch(body, { from: 0, size: 1 }, 'elasticsearch', SCOPE)
    const documents = prepare(SHOP)
    const page = await executeSearch(search, { documents: () => slicesOf(documents) })
    assert.deepEqual(page.aggregations, { near: { doc_count: 2 }, size: { value: 12 } })
    assert.deepEqual([page.total, page.hits.length], [2, 1])
  })
})

describe('arguments of aggregations', () => {
  const keysOf = (found: unknown) =>
    typeof found === 'object' && found !== null && 'buckets' in found && Array.isArray(found.buckets)
      ? found.buckets.map((bucket: { readonly key: unknown }) => bucket.key)
      : undefined

  test('order buckets by several things in turn', () => {
    const aggs = { total: { sum: { field: 'price' } } }
    const order = (...orders: readonly object[]) =>
      keysOf(answer({ terms: { field: 'tags', order: orders }, aggs }))
    const sources = [
      { tags: ['a', 'b', 'c'], price: 1 },
      { tags: ['b', 'c'], price: 2 },
      { tags: ['d'], price: 3 },
    ]
    const sorted = (...orders: readonly object[]) =>
      keysOf(answer({ terms: { field: 'tags', order: orders }, aggs }, sources))
    assert.deepEqual(sorted({ total: 'desc' }, { _count: 'asc' }, { _key: 'desc' }), ['d', 'c', 'b', 'a'])
    assert.deepEqual(sorted({ _count: 'desc' }, { total: 'asc' }, { _key: 'desc' }), ['c', 'b', 'a', 'd'])
    assert.deepEqual(sorted({ total: 'desc' }, { _count: 'desc' }), ['b', 'c', 'd', 'a'])
    assert.deepEqual(order({ _key: 'desc' }), ['Ä', 'red', 'blue'])
  })

  test('put ranges in the order of their ends, open ones outermost', () => {
    const ranges = [{ from: 5 }, { to: 5 }, { from: 1, to: 7 }, { from: 1, to: 5 }, {}, { to: 7 }]
    assert.deepEqual(keysOf(answer({ range: { field: 'size', ranges } })), [
      '*-5.0',
      '*-7.0',
      '*-*',
      '1.0-5.0',
      '1.0-7.0',
      '5.0-*',
    ])
  })

  test('name the units of the calendar in words and in letters', () => {
    const made = (unit: string) =>
      keysOf(
        answer({ date_histogram: { field: 'made', calendar_interval: unit } }, [
          { made: '2024-05-17T10:30:15.500Z' },
        ]),
      )
    for (const [word, letter, start] of [
      ['second', '1s', '2024-05-17T10:30:15Z'],
      ['minute', '1m', '2024-05-17T10:30:00Z'],
      ['hour', '1h', '2024-05-17T10:00:00Z'],
      ['day', '1d', '2024-05-17'],
      ['week', '1w', '2024-05-13'],
      ['month', '1M', '2024-05-01'],
      ['quarter', '1q', '2024-04-01'],
      ['year', '1y', '2024-01-01'],
    ] as const) {
      assert.deepEqual(made(word), [Date.parse(start)], word)
      assert.deepEqual(made(letter), [Date.parse(start)], letter)
    }
  })

  test('are offsets in either direction', () => {
    const made = (offset: string) =>
      keysOf(
        answer({ date_histogram: { field: 'made', calendar_interval: 'day', offset } }, [
          { made: '2024-05-17T10:30:00Z' },
        ]),
      )
    assert.deepEqual(made('+6h'), [Date.parse('2024-05-17T06:00:00Z')])
    assert.deepEqual(made('6h'), [Date.parse('2024-05-17T06:00:00Z')])
    assert.deepEqual(made('-6h'), [Date.parse('2024-05-16T18:00:00Z')])
    assert.throws(() => made('6h+'), /failed to parse \[offset\] with value \[6h\+\] as a time value/)
    assert.throws(() => made('1+h'), /as a time value/)
  })

  test('refuse what they do not know in the words of each', () => {
    for (const [type, body] of [
      ['date_histogram', { field: 'made', calendar_interval: 'day' }],
      ['histogram', { field: 'size', interval: 1 }],
      ['terms', { field: 'tags' }],
    ] as const) {
      const given = { [type]: { ...body, nope: 1 } }
      assert.throws(() => answer(given), { message: `[${type}] unknown field [nope]` })
    }
  })

  test('sort buckets by how many different values they have', () => {
    const sources = [
      { tags: ['a'], size: [1, 2, 3] },
      { tags: ['b', 'c'], size: [1, 2] },
      { tags: ['c'], size: [7, 8, 9] },
    ]
    const aggs = { sizes: { cardinality: { field: 'size' } } }
    const sorted = (by: string) =>
      keysOf(answer({ terms: { field: 'tags', order: { [by]: 'desc' } }, aggs }, sources))
    assert.deepEqual(sorted('sizes'), ['c', 'a', 'b'])
    assert.deepEqual(sorted('sizes.value'), ['c', 'a', 'b'])
  })

  test('sort numbers as numbers, texts by their code points', () => {
    const keys = (field: string, sources: readonly object[]) =>
      keysOf(answer({ terms: { field, order: { _key: 'asc' } } }, sources))
    assert.deepEqual(keys('size', [{ size: [10, 9, 100] }]), [9, 10, 100])
    assert.deepEqual(keys('tags', [{ tags: ['10', '9', '100'] }]), ['10', '100', '9'])
  })

  test('tell upper case from lower case in patterns', () => {
    const include = (pattern: string) => keysOf(answer({ terms: { field: 'tags', include: pattern } }))
    assert.deepEqual(include('RED'), [])
    assert.deepEqual(include('r.d'), ['red'])
  })

  test('may be ends without a value', () => {
    const histogram = (hard_bounds: object) =>
      keysOf(answer({ histogram: { field: 'size', interval: 5, hard_bounds } }))
    assert.deepEqual(histogram({ min: null, max: 6 }), [0, 5])
    assert.deepEqual(histogram({ min: 5, max: null }), [5, 10])
  })

  test('take a missing value as the field would, or as it is where there is no field', () => {
    const terms = (field: string, missing: unknown) => answer({ terms: { field, missing } }, [{}])
    assert.deepEqual(keysOf(terms('nope', true)), ['true'])
    assert.deepEqual(keysOf(terms('nope', 'x')), ['x'])
    assert.deepEqual(keysOf(terms('made', '2024-01-20')), [Date.parse('2024-01-20')])
    assert.throws(() => terms('made', true), /failed to parse date field \[true\]/)
  })
})
