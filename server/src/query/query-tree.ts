import type { Query } from './filter.ts'

/** The queries directly inside a query. */
export function innerQueries(query: Query): readonly Query[] {
  switch (query.kind) {
    case 'bool':
      return [...query.must, ...query.filter, ...query.should, ...query.mustNot]
    case 'constant':
    case 'nested':
      return [query.query]
    case 'disMax':
      return query.queries
    case 'boosting':
      return [query.positive, query.negative]
    case 'blended':
    case 'termsSet':
      return query.terms
    default:
      return []
  }
}

/** The query with other queries in place of those directly inside it. Words of `blended` stay what they are. */
export function mapInnerQueries(query: Query, map: (inner: Query) => Query): Query {
  switch (query.kind) {
    case 'bool':
      return {
        ...query,
        must: query.must.map(map),
        filter: query.filter.map(map),
        should: query.should.map(map),
        mustNot: query.mustNot.map(map),
      }
    case 'constant':
    case 'nested':
      return { ...query, query: map(query.query) }
    case 'disMax':
      return { ...query, queries: query.queries.map(map) }
    case 'boosting':
      return { ...query, positive: map(query.positive), negative: map(query.negative) }
    case 'termsSet':
      return { ...query, terms: query.terms.map(map) }
    default:
      return query
  }
}

/** The query and everything inside it, outermost first. */
export function* wholeQuery(query: Query): Generator<Query> {
  yield query
  for (const inner of innerQueries(query)) yield* wholeQuery(inner)
}

/** The queries directly inside a query, by whether their scores matter to it. */
export type Parts = { readonly scored: readonly Query[]; readonly unscored: readonly Query[] }

const NO_PARTS: Parts = { scored: [], unscored: [] }

/** The queries directly inside a query that are about the same documents, so not those of `nested`. */
export function partsOf(query: Query): Parts {
  switch (query.kind) {
    case 'blended':
    case 'termsSet':
      return { scored: query.terms, unscored: [] }
    case 'bool':
      return { scored: [...query.must, ...query.should], unscored: [...query.filter, ...query.mustNot] }
    case 'constant':
      return { scored: [], unscored: [query.query] }
    case 'disMax':
      return { scored: query.queries, unscored: [] }
    case 'boosting':
      return { scored: [query.positive], unscored: [query.negative] }
    default:
      return NO_PARTS
  }
}
