import type { BoolQuery, Query } from './filter.ts'

/**
 * Whether matches of the query may differ in score. When they do not, the best hits are simply the oldest.
 *
 * `isKeyword`: whether a field holds keywords, of which each occurs once and so scores the same everywhere.
 */
export function isRanked(query: Query, isKeyword: (field: string) => boolean): boolean {
  switch (query.kind) {
    case 'term':
      return !isKeyword(query.field)
    case 'fuzzy':
    case 'phrase':
    case 'phrasePrefix':
    case 'blended':
    case 'termsSet':
    case 'boosting':
      return true
    case 'bool':
      return isRankedBool(query, isKeyword)
    case 'disMax':
      return query.queries.length > 1 || query.queries.some((one) => isRanked(one, isKeyword))
    case 'nested':
      return query.scoreMode !== 'none'
    default:
      return false
  }
}

/** Optional clauses rank their matches, unless there is only one and it is needed. */
function isRankedBool(query: BoolQuery, isKeyword: (field: string) => boolean): boolean {
  if (query.should.length > 1 || query.should.length > query.shouldMin) return true
  return [...query.must, ...query.should].some((one) => isRanked(one, isKeyword))
}
