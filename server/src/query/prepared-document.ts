import { analyze, lowerCase } from './analyzer.ts'
import { parseStoredDate } from './dates.ts'
import { type Field, fieldTable } from './field-table.ts'
import type { Mapping } from './mapping.ts'

/**
 * What is indexed of one field of one document.
 *
 * - `keyword`: the distinct values, in the order of the document.
 * - `text`: for each term its positions in ascending order; `length` counts all tokens. A text that yields no token
 *   still exists, with no terms.
 * - `number`: values of long and double fields, dates as epoch ms, booleans as 0 and 1; in the order of the document.
 */
export type IndexedField =
  | { readonly kind: 'keyword'; readonly values: readonly string[] }
  | { readonly kind: 'text'; readonly terms: ReadonlyMap<string, readonly number[]>; readonly length: number }
  | { readonly kind: 'number'; readonly values: readonly number[] }

/** A document as queries see it. Fields are indexed when they are first asked for. */
export interface PreparedDocument {
  readonly id: string
  /** Grows in creation order within one collection; the last tie-breaker of every order. */
  readonly position: number
  /** What is indexed under a dotted path; undefined when nothing is, or the path is inside a nested object. */
  field(path: string): IndexedField | undefined
  /** The nested objects at a path, in the order of the document; their fields keep their full paths. */
  nested(path: string): readonly PreparedDocument[]
}

/** Makes a JSON document searchable as its mapping says. What the mapping does not list is not indexed. */
export function prepareDocument(
  mapping: Mapping,
  document: { readonly id: string; readonly position: number; readonly source: unknown },
): PreparedDocument {
  return new SourceDocument(mapping, document.id, document.position, document.source, undefined)
}

class SourceDocument implements PreparedDocument {
  readonly id: string
  readonly position: number
  readonly #mapping: Mapping
  readonly #source: unknown
  readonly #nestedPath: string | undefined
  readonly #fields = new Map<string, IndexedField | undefined>()

  constructor(
    mapping: Mapping,
    id: string,
    position: number,
    source: unknown,
    nestedPath: string | undefined,
  ) {
    this.#mapping = mapping
    this.id = id
    this.position = position
    this.#source = source
    this.#nestedPath = nestedPath
  }

  field(path: string): IndexedField | undefined {
    const known = this.#fields.get(path)
    if (known !== undefined || this.#fields.has(path)) return known

    const field = fieldTable(this.#mapping).leaf.get(path)
    const indexed =
      field === undefined || field.nestedPath !== this.#nestedPath
        ? undefined
        : indexValues(field, valuesAt(this.#source, this.#relative(path)))
    this.#fields.set(path, indexed)
    return indexed
  }

  nested(path: string): readonly PreparedDocument[] {
    if (fieldTable(this.#mapping).object.get(path)?.type !== 'nested') return []
    if (this.#nestedPath !== undefined && !path.startsWith(`${this.#nestedPath}.`)) return []
    return valuesAt(this.#source, this.#relative(path))
      .filter((value) => typeof value === 'object')
      .map((value) => new SourceDocument(this.#mapping, this.id, this.position, value, path))
  }

  #relative(path: string): string {
    return this.#nestedPath === undefined ? path : path.slice(this.#nestedPath.length + 1)
  }
}

/**
 * The values at a dotted path, arrays flattened at every level and nulls left out. `{"a.b": 1}` and
 * `{"a": {"b": 1}}` are both the path `a.b`.
 */
export function valuesAt(source: unknown, path: string): readonly unknown[] {
  const found: unknown[] = []
  collect(source, path, found)
  return found
}

function collect(value: unknown, path: string, found: unknown[]): void {
  if (value === null || value === undefined) return
  if (Array.isArray(value)) {
    for (const element of value) collect(element, path, found)
    return
  }
  if (path === '') {
    found.push(value)
    return
  }
  if (!isObject(value)) return

  for (let end = path.indexOf('.'); end !== -1; end = path.indexOf('.', end + 1)) {
    const name = path.slice(0, end)
    if (Object.hasOwn(value, name)) collect(value[name], path.slice(end + 1), found)
  }
  if (Object.hasOwn(value, path)) collect(value[path], '', found)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function indexValues(field: Field, values: readonly unknown[]): IndexedField | undefined {
  const scalars = values.filter((value) => typeof value !== 'object')
  if (scalars.length === 0) return undefined
  if (field.type === 'text') return indexText(scalars.map(String))
  if (field.type === 'keyword') {
    const texts = scalars.map((value) => (field.lowerCased ? lowerCase(String(value)) : String(value)))
    return { kind: 'keyword', values: texts.length === 1 ? texts : [...new Set(texts)] }
  }
  const numbers = scalars.map(NUMBER_OF[field.type]).filter((value) => value !== undefined)
  return numbers.length === 0 ? undefined : { kind: 'number', values: numbers }
}

/** Positions between the texts of an array, so that no phrase reaches from one into the next. */
const POSITION_GAP = 100

function indexText(texts: readonly string[]): IndexedField {
  const terms = new Map<string, number[]>()
  let length = 0
  let start = 0
  for (const text of texts) {
    let next = start
    for (const token of analyze('standard', text)) {
      const position = start + token.position
      const positions = terms.get(token.text)
      if (positions === undefined) terms.set(token.text, [position])
      else positions.push(position)
      next = position + 1
      length += 1
    }
    start = next + POSITION_GAP
  }
  return { kind: 'text', terms, length }
}

const NUMBER_OF: Readonly<
  Record<Exclude<Field['type'], 'keyword' | 'text'>, (value: unknown) => number | undefined>
> = {
  long: wholeNumber,
  integer: wholeNumber,
  short: wholeNumber,
  byte: wholeNumber,
  double: anyNumber,
  float: (value) => {
    const number = anyNumber(value)
    return number === undefined ? undefined : Math.fround(number)
  },
  date: parseStoredDate,
  boolean: (value) => {
    if (value === true || value === 'true') return 1
    return value === false || value === 'false' || value === '' ? 0 : undefined
  },
}

function anyNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function wholeNumber(value: unknown): number | undefined {
  const number = anyNumber(value)
  return number === undefined ? undefined : Math.trunc(number)
}
