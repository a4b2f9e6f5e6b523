import { parseDateBound } from './dates.ts'
import {
  type Argument,
  type Body,
  isBody,
  isScalar,
  malformed,
  type ReadBy,
  readArguments,
  type Scalar,
  scalarArgument,
  textArgument,
  tokenOf,
  uncreatable,
} from './elasticsearch/arguments.ts'
import { numberBound } from './elasticsearch/values.ts'
import { parseElasticsearch, type QueryScope } from './elasticsearch.ts'
import { type Field, fieldTable } from './field-table.ts'
import type { SortKey } from './search.ts'

/**
 * Reads the `sort` of a search body: a field, `{field: order}`, `{field: {order, missing, mode, ...}}`, or an array of
 * those. An empty array sorts by nothing.
 *
 * @throws {QueryError} `malformed`
 */
export function parseSort(sort: unknown, scope: QueryScope): readonly SortKey[] {
  const elements: readonly unknown[] = Array.isArray(sort) ? sort : [sort]
  const keys = elements.flatMap((element) => parseElement(element, scope))
  if (keys.length > SORT_KEYS_MAX) {
    throw malformed(`Cannot sort by ${keys.length} keys: ${SORT_KEYS_MAX} is the limit`)
  }
  return keys
}

/** Keys that one search may sort by. */
const SORT_KEYS_MAX = 50

function parseElement(element: unknown, scope: QueryScope): readonly SortKey[] {
  if (typeof element === 'string') return [parseKey(element, {}, scope)]
  if (!isBody(element)) {
    throw malformed(
      'malformed sort format, within the sort array, an object, or an actual string are allowed',
    )
  }
  return Object.entries(element).map(([field, options]) => {
    if (isBody(options)) return parseKey(field, options, scope)
    if (isScalar(options)) return parseKey(field, { order: options }, scope)
    throw malformed(`[field_sort] unknown token [${tokenOf(options)}] after [${field}]`)
  })
}

/** Not fields of a mapping: its score, its place in creation order and its id belong to every document. */
const META_FIELDS: ReadonlySet<string> = new Set(['_score', '_doc', '_id'])

const READERS = {
  order: orderArgument,
  mode: modeArgument,
  missing: scalarArgument,
  unmapped_type: unmappedTypeArgument,
  format: textArgument,
  numeric_type: textArgument,
  nested: bodyArgument,
  nested_path: textArgument,
  nested_filter: bodyArgument,
}

type Given = ReadBy<typeof READERS>

function parseKey(name: string, body: Body, scope: QueryScope): SortKey {
  const readers: Partial<typeof READERS> = name === '_score' ? { order: orderArgument } : READERS
  const given: Given = readArguments('field_sort', body, readers, 'field')
  const order = given.order ?? (name === '_score' ? 'desc' : 'asc')
  if (META_FIELDS.has(name)) return { field: name, order, missing: '_last' }

  const field = fieldTable(scope.mapping).leaf.get(name)
  if (field === undefined && given.unmapped_type === undefined) {
    throw malformed(`No mapping found for [${name}] in order to sort on`)
  }
  if (field !== undefined) requireSortable(field, given)
  const nested = nestedOf(given, scope)
  return {
    field: name,
    order,
    missing: missingOf(field, given.missing, scope),
    ...(given.mode !== undefined && { mode: given.mode }),
    ...(nested !== undefined && { nested }),
  }
}

function requireSortable(field: Field, given: Given): void {
  if (field.type === 'text') {
    throw malformed(
      'Text fields are not optimised for operations that require per-document field data like aggregations and ' +
        'sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, ' +
        `set fielddata=true on [${field.path}] in order to load field data by uninverting the inverted index. ` +
        'Note that this can use significant memory.',
    )
  }
  const isCalculated = given.mode !== undefined && given.mode !== 'min' && given.mode !== 'max'
  if (field.type === 'keyword' && isCalculated) {
    throw malformed('we only support AVG, MEDIAN and SUM on number based fields')
  }
}

function nestedOf(given: Given, scope: QueryScope): SortKey['nested'] {
  const stated = given.nested
  const path = stated === undefined ? given.nested_path : stated['path']
  const filter = stated === undefined ? given.nested_filter : stated['filter']
  if (path === undefined) return undefined
  const known = typeof path === 'string' && fieldTable(scope.mapping).object.get(path)?.type === 'nested'
  if (!known) throw malformed(`[nested] failed to find nested object under path [${path}]`)
  if (filter === undefined || filter === null) return { path }
  return { path, filter: parseElasticsearch(filter, scope, path) }
}

function missingOf(
  field: Field | undefined,
  missing: Scalar | undefined,
  scope: QueryScope,
): SortKey['missing'] {
  if (missing === undefined || missing === '_last' || missing === '_first') return missing ?? '_last'
  return field === undefined ? '_last' : sortValueOf(field, missing, scope)
}

/** A value as it is compared under a sort key of the field. */
function sortValueOf(field: Field, value: Scalar, scope: QueryScope): string | number {
  if (field.type === 'keyword') return String(value)
  if (field.type !== 'date') return numberBound(field, value, 'lower', true).value
  const date = typeof value === 'boolean' ? String(value) : value
  return parseDateBound(date, 'start', { now: scope.now })
}

/**
 * Reads the `search_after` of a search body: where the page before ended.
 *
 * @throws {QueryError} `malformed`
 */
export function parseSearchAfter(
  value: unknown,
  keys: readonly SortKey[],
  scope: QueryScope,
): readonly (string | number | null)[] {
  if (!Array.isArray(value)) throw malformed(`Unknown key for a ${tokenOf(value)} in [search_after].`)
  if (value.length === 0) throw malformed('Values must contains at least one value.')
  if (keys.length === 0) throw malformed('Sort must contain at least one field.')
  if (value.length !== keys.length) {
    throw uncreatable(`search_after has ${value.length} value(s) but sort has ${keys.length}.`)
  }
  return keys.map((key, index) => searchAfterValue(key, value[index], scope))
}

function searchAfterValue(key: SortKey, value: unknown, scope: QueryScope): string | number | null {
  if (value === null || value === undefined) return null
  if (!isScalar(value)) {
    throw malformed(`Can't handle [search_after] field value of type [${tokenOf(value)}]`)
  }
  if (key.field === '_id') return String(value)
  if (key.field === '_score' || key.field === '_doc') {
    const number = Number(value)
    if (Number.isFinite(number)) return number
    throw malformed(`Failed to parse search_after value for field [${key.field}].`)
  }
  const field = fieldTable(scope.mapping).leaf.get(key.field)
  return field === undefined ? String(value) : sortValueOf(field, value, scope)
}

function orderArgument(argument: Argument): SortKey['order'] {
  const text = textArgument(argument)
  const order = text.toLowerCase()
  if (order === 'asc' || order === 'desc') return order
  throw malformed(`No enum constant org.elasticsearch.search.sort.SortOrder.${text.toUpperCase()}`)
}

const MODES = ['min', 'max', 'sum', 'avg', 'median'] as const

function modeArgument(argument: Argument): NonNullable<SortKey['mode']> {
  const text = textArgument(argument)
  const mode = MODES.find((known) => known === text.toLowerCase())
  if (mode === undefined) throw malformed(`Unknown SortMode [${text}]`)
  return mode
}

const UNMAPPED_TYPES: ReadonlySet<string> = new Set([
  'keyword',
  'long',
  'integer',
  'short',
  'byte',
  'double',
  'float',
  'date',
  'boolean',
])

function unmappedTypeArgument(argument: Argument): string {
  const type = textArgument(argument)
  if (UNMAPPED_TYPES.has(type)) return type
  throw malformed(`No mapper found for type [${type}]`)
}

function bodyArgument({ name, value }: Argument): Body {
  if (isBody(value)) return value
  throw malformed(`[field_sort] unknown token [${tokenOf(value)}] after [${name}]`)
}
