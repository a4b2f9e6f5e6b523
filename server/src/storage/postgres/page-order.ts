import { findField } from '../../query/field-table.ts'
import type { Mapping } from '../../query/mapping.ts'
import type { Search, SortKey } from '../../query/search.ts'
import type { Columns } from '../../query/sql/dialect.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { joinSql, type SqlText, sql } from '../../query/sql/sql-text.ts'
import { listSql, number, text } from './column.ts'
import type { PageOrder } from './document-reader.ts'

/** What rows are ordered by under one key. */
type SortedBy = {
  readonly key: SortKey
  readonly expression: SqlText
  readonly nullable: boolean
  readonly isText: boolean
}

/**
 * The order of a search's hits in SQL, where that has words for it; undefined where documents have to be compared. Hits
 * that no key tells apart are in the order of their creation.
 */
export function pageOrder(
  { sort = [], searchAfter }: Search,
  { columns, mapping }: { readonly columns: Columns; readonly mapping: Mapping },
): PageOrder | undefined {
  const known = sort.map((key) => sortedBy(key, columns, mapping))
  const keys = known.filter((one) => one !== undefined)
  if (keys.length < known.length) return undefined
  const after = searchAfter === undefined ? sql`TRUE` : placeAfter(keys, searchAfter)
  return after && { after, order: listSql([...keys.map(orderOf), sql`seq`]) }
}

function sortedBy(key: SortKey, columns: Columns, mapping: Mapping): SortedBy | undefined {
  const { field, missing, mode, nested } = key
  if (field === '_doc') return { key, expression: sql`seq`, nullable: false, isText: false }
  const isOfOneValue = nested === undefined && (mode === undefined || mode === 'min' || mode === 'max')
  if (!isOfOneValue) return undefined
  const column = columns.get(field)
  const type = field === '_id' ? 'keyword' : findField(mapping, field)?.type
  if (column === undefined || type === undefined) return undefined
  if (column.kind !== 'term' && column.kind !== 'number') return undefined
  // Which value stands for none only matters where some rows have none.
  if (column.nullable && missing !== '_last' && missing !== '_first') return undefined
  const { nullable, expression } = column
  if (column.kind === 'term') {
    if (type !== 'keyword') return undefined
    return { key, expression: POSTGRES.byCodePoints(expression), nullable, isText: true }
  }
  return type === 'keyword' || type === 'text' ? undefined : { key, expression, nullable, isText: false }
}

function orderOf({ key, expression, nullable }: SortedBy): SqlText {
  const isAscending = key.order === 'asc'
  // Nothing is said of NULL where there is none: else no index is in that order.
  if (!nullable) return isAscending ? expression : sql`${expression} DESC`
  const nulls = key.missing === '_first' ? sql`NULLS FIRST` : sql`NULLS LAST`
  return isAscending ? sql`${expression} ${nulls}` : sql`${expression} DESC ${nulls}`
}

/** The condition for rows behind a place; undefined where comparing with NULL would be part of it. */
function placeAfter(
  keys: readonly SortedBy[],
  place: readonly (string | number | null)[],
): SqlText | undefined {
  const values = keys.map((one, index) => valueFor(one, place[index]))
  const known = values.filter((value) => value !== undefined)
  const [first] = keys
  const [firstValue] = known
  if (first === undefined || firstValue === undefined || known.length < keys.length) return undefined
  const behind = keys.map((one, index) => {
    const same = keys
      .slice(0, index)
      .map(({ expression }, at) => sql`${expression} = ${known[at] ?? sql`NULL`}`)
    return joinSql('AND', [...same, isBehind(one, known[index] ?? sql`NULL`)])
  })
  // Says nothing new, but what an index can begin with.
  const start =
    first.key.order === 'asc'
      ? sql`${first.expression} >= ${firstValue}`
      : sql`${first.expression} <= ${firstValue}`
  return joinSql('AND', [start, joinSql('OR', behind)])
}

function isBehind({ key, expression }: SortedBy, value: SqlText): SqlText {
  return key.order === 'asc' ? sql`${expression} > ${value}` : sql`${expression} < ${value}`
}

function valueFor(
  { nullable, isText }: SortedBy,
  value: string | number | null | undefined,
): SqlText | undefined {
  if (nullable || value === null || value === undefined) return undefined
  if (isText) return typeof value === 'string' && value.isWellFormed() ? text(value) : undefined
  return typeof value === 'number' ? number(value) : undefined
}
