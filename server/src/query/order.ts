import { compareCodePoints } from './code-point-order.ts'
import type { PreparedDocument } from './prepared-document.ts'
import type { SortKey } from './search.ts'

/** What a hit is ordered by under one sort key; undefined when it has no value and no substitute for it. */
export type SortValue = string | number | undefined

/** A match on its way into the page. */
export type Hit = {
  readonly document: PreparedDocument
  readonly score: number
  /** One for each sort key. */
  readonly values: readonly SortValue[]
}

/** Accepts the nested objects that a sort key looks at. */
export type NestedFilter = (key: SortKey, object: PreparedDocument) => boolean

/** What a document is ordered by under each of the keys. */
export function sortValues(
  keys: readonly SortKey[],
  document: PreparedDocument,
  score: number,
  accepts: NestedFilter,
): readonly SortValue[] {
  return keys.map((key) => {
    if (key.field === '_score') return score
    if (key.field === '_doc') return document.position
    if (key.field === '_id') return document.id
    const value = reduceValues(key, valuesOf(key, document, accepts))
    if (value !== undefined) return value
    return key.missing === '_first' || key.missing === '_last' ? undefined : key.missing
  })
}

function valuesOf(
  key: SortKey,
  document: PreparedDocument,
  accepts: NestedFilter,
): readonly (string | number)[] {
  const units =
    key.nested === undefined
      ? [document]
      : document.nested(key.nested.path).filter((object) => accepts(key, object))
  return units.flatMap((unit): readonly (string | number)[] => {
    const indexed = unit.field(key.field)
    return indexed === undefined || indexed.kind === 'text' ? [] : indexed.values
  })
}

function reduceValues(key: SortKey, values: readonly (string | number)[]): SortValue {
  const sorted = values.toSorted(compareValues)
  const mode = key.mode ?? (key.order === 'asc' ? 'min' : 'max')
  if (mode === 'min') return sorted[0]
  if (mode === 'max') return sorted.at(-1)
  return sorted.length === 0 ? undefined : COMBINE[mode](sorted.filter((value) => typeof value === 'number'))
}

const COMBINE: Readonly<Record<'sum' | 'avg' | 'median', (sorted: readonly number[]) => number>> = {
  sum: total,
  avg: (sorted) => total(sorted) / sorted.length,
  median: (sorted) => {
    const middle = sorted.length >> 1
    const upper = sorted[middle] ?? 0
    return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
  },
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** Orders values of one sort key, smallest first; texts by code points. */
function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return compareCodePoints(String(a), String(b))
}

/** Orders hits: by the keys, or by score when there are none, then in creation order. */
export function hitOrder(keys: readonly SortKey[] | undefined): (a: Hit, b: Hit) => number {
  if (keys === undefined) return (a, b) => b.score - a.score || a.document.position - b.document.position
  return (a, b) => compareByKeys(keys, a.values, b.values) || a.document.position - b.document.position
}

/** Orders two lists of sort values. */
export function compareByKeys(
  keys: readonly SortKey[],
  a: readonly SortValue[],
  b: readonly SortValue[],
): number {
  for (const [index, key] of keys.entries()) {
    const order = compareUnderKey(key, a[index], b[index])
    if (order !== 0) return order
  }
  return 0
}

function compareUnderKey(key: SortKey, a: SortValue, b: SortValue): number {
  if (a === undefined || b === undefined) {
    const missingLast = Number(a === undefined) - Number(b === undefined)
    return key.missing === '_first' ? -missingLast : missingLast
  }
  return key.order === 'asc' ? compareValues(a, b) : compareValues(b, a)
}

/** Keeps the best `max` of any number of hits, in little more memory than those. */
export class BestHits {
  readonly #max: number
  readonly #order: (a: Hit, b: Hit) => number
  #hits: Hit[] = []
  /** Of as many hits as are wanted the last; what is behind it needs not be kept. */
  #worst: Hit | undefined

  constructor(max: number, order: (a: Hit, b: Hit) => number) {
    this.#max = max
    this.#order = order
  }

  add(hit: Hit): void {
    if (this.#worst !== undefined && this.#order(hit, this.#worst) > 0) return
    this.#hits.push(hit)
    if (this.#hits.length <= 2 * this.#max + SPARE_HITS) return
    this.#hits = this.sorted()
    this.#worst = this.#hits.at(-1)
  }

  /** The best, in order. */
  sorted(): Hit[] {
    return this.#hits.toSorted(this.#order).slice(0, this.#max)
  }
}

/** How many hits are kept beyond twice the page, so that small pages are not sorted all the time. */
const SPARE_HITS = 1000
