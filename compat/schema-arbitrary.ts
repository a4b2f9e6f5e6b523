import fc from 'fast-check'
import { HOSTILE_VALUES } from './argument-cases.ts'

/** A JSON schema as OpenAPI documents hold them. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What values are made from. */
export type ArbitrarySource = {
  /** Schemas that others refer to, by name. */
  readonly definitions: Readonly<Record<string, JsonSchema>>
  /** Values that get further than others, by the name of the member that holds them. */
  readonly plausible: Readonly<Record<string, readonly unknown[]>>
}

/** Values that the schema accepts. */
export function validValue(schema: JsonSchema, source: ArbitrarySource, name = ''): fc.Arbitrary<unknown> {
  const made = byKind(schema, source, name)
  const plausible = Object.hasOwn(source.plausible, name) ? source.plausible[name] : undefined
  return plausible === undefined
    ? made
    : fc.oneof({ weight: 1, arbitrary: made }, { weight: 4, arbitrary: fc.constantFrom(...plausible) })
}

/** Values that the schema nearly accepts, or by chance still does: something was added, taken away or replaced. */
export function damagedValue(schema: JsonSchema, source: ArbitrarySource): fc.Arbitrary<unknown> {
  const picks = fc.array(fc.nat(50), { minLength: 1, maxLength: 4 })
  const how = fc.constantFrom('add', 'remove', 'replace')
  return fc
    .tuple(validValue(schema, source), picks, how, hostileValue())
    .map(([value, path, kind, hostile]) => damage(value, path, kind, hostile))
}

/** Anything at all, the worse the better. */
export function hostileValue(): fc.Arbitrary<unknown> {
  return fc.oneof(fc.constantFrom(...HOSTILE_VALUES), fc.jsonValue({ maxDepth: 3 }))
}

/** Texts that are awkward anywhere, short enough for a URL. */
export function hostileText(): fc.Arbitrary<string> {
  const known = HOSTILE_VALUES.filter((value) => typeof value === 'string' && value.length < 1_000)
  return fc.oneof(
    fc.constantFrom(...known.map((value) => String(value).toWellFormed())),
    fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.toWellFormed()),
  )
}

function byKind(schema: JsonSchema, source: ArbitrarySource, name: string): fc.Arbitrary<unknown> {
  const { $ref, anyOf, oneOf, enum: values } = schema
  if (typeof $ref === 'string') return validValue(definitionOf($ref, source), source, name)
  const choices = listOf(anyOf ?? oneOf)
  if (choices.length > 0) return fc.oneof(...choices.map((choice) => validValue(choice, source)))
  if (Object.hasOwn(schema, 'const')) return fc.constant(schema['const'])
  if (Array.isArray(values)) return fc.constantFrom(...values)
  const make = MAKERS[String(schema['type'])]
  return make === undefined ? fc.jsonValue({ maxDepth: 2 }) : make(schema, source)
}

type Maker = (schema: JsonSchema, source: ArbitrarySource) => fc.Arbitrary<unknown>

const MAKERS: Readonly<Record<string, Maker>> = {
  string: (schema) => text(schema),
  integer: (schema) => whole(schema),
  number: (schema) => whole(schema),
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  array: (schema, source) => {
    const items = isSchema(schema['items']) ? schema['items'] : {}
    const minLength = numberOr(schema['minItems'], 0)
    const maxLength = Math.min(numberOr(schema['maxItems'], SEVERAL), minLength + SEVERAL)
    return fc.array(validValue(items, source), { minLength, maxLength })
  },
  object: (schema, source) => {
    if (!isSchema(schema['properties'])) return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
    const members = Object.entries(schema['properties']).flatMap(([name, member]) =>
      isSchema(member) ? [[name, validValue(member, source, name)] as const] : [],
    )
    const required = Array.isArray(schema['required']) ? schema['required'].map(String) : []
    const optional = members.map(([name]) => name).filter((name) => !required.includes(name))
    // Few at a time: what is wrong with one member would hide what is wrong with the others.
    const chosen = fc.subarray(optional, { maxLength: Math.min(optional.length, SEVERAL) })
    return fc
      .tuple(fc.record(Object.fromEntries(members)), chosen)
      .map(([whole, names]) => pick(whole, [...required, ...names]))
  },
}

/** Most members of a list or object that are made beyond those that must be. */
const SEVERAL = 3

const DURATIONS = ['P30D', 'PT5M', 'P1W', 'P1DT12H', 'PT0S', 'P999999999W']

function text(schema: JsonSchema): fc.Arbitrary<string> {
  const { format, pattern } = schema
  if (format === 'duration') return fc.constantFrom(...DURATIONS)
  if (format === 'date-time') {
    const years = { min: new Date('1970-01-02'), max: new Date('9999-01-01'), noInvalidDate: true }
    return fc.date(years).map((date) => date.toISOString())
  }
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern))
  const minLength = numberOr(schema['minLength'], 0)
  const maxLength = Math.min(numberOr(schema['maxLength'], 30), minLength + 30)
  return fc.string({ minLength, maxLength })
}

function whole(schema: JsonSchema): fc.Arbitrary<number> {
  const min = numberOr(schema['minimum'], -1_000)
  const max = numberOr(schema['maximum'], Number.MAX_SAFE_INTEGER)
  return fc.oneof(
    fc.nat(100).map((value) => Math.min(min + value, max)),
    fc.constantFrom(min, max),
  )
}

function definitionOf(reference: string, { definitions }: ArbitrarySource): JsonSchema {
  const found = definitions[reference.slice(reference.lastIndexOf('/') + 1)]
  if (found === undefined) throw new Error(`Cannot resolve ${reference}`)
  return found
}

function pick(value: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))
}

function damage(value: unknown, path: readonly number[], kind: string, hostile: unknown): unknown {
  const [pick = 0, ...rest] = path
  if (typeof value !== 'object' || value === null) return hostile
  if (Array.isArray(value)) {
    if (value.length === 0) return [hostile]
    const at = pick % value.length
    return value.map((item, index) => (index === at ? damage(item, rest, kind, hostile) : item))
  }
  const entries = Object.entries(value)
  const at = entries[pick % Math.max(entries.length, 1)]
  if (at === undefined || (rest.length === 0 && kind === 'add')) {
    return Object.fromEntries([...entries, [typeof hostile === 'string' ? hostile : 'unheardOf', hostile]])
  }
  if (rest.length === 0 && kind === 'remove')
    return Object.fromEntries(entries.filter((entry) => entry !== at))
  const changed = rest.length === 0 ? hostile : damage(at[1], rest, kind, hostile)
  return Object.fromEntries(entries.map((entry) => (entry === at ? [entry[0], changed] : entry)))
}

function listOf(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.filter(isSchema) : []
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
