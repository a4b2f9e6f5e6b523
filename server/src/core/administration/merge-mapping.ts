import type { FieldMapping, FieldType, Mapping } from '../../query/mapping.ts'
import { DomainError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../json.ts'

/** Most fields, objects included, that a collection may have. */
export const MAPPING_FIELDS_MAX = 1_000

/** Most levels of objects in objects. */
export const MAPPING_DEPTH_MAX = 20

/** Why fields cannot be added, as `facts.problem` of `mapping.invalid`. */
export type MappingProblem =
  | 'type_changed'
  | 'type_unsupported'
  | 'name_unusable'
  | 'malformed'
  | 'too_many_fields'
  | 'too_deep'

type Fields = Readonly<Record<string, FieldMapping>>

/**
 * The mapping with fields added. A field that is there keeps its type, because what is stored was stored with it.
 *
 * @throws {DomainError} `mapping.invalid` with `facts.problem` (`MappingProblem`) and `facts.field`.
 */
export function mergeMapping(old: Mapping, added: Mapping): Mapping {
  const properties = mergeFields(old.properties, added.properties, [])
  const count = countFields(properties)
  if (count > MAPPING_FIELDS_MAX) {
    throw invalid('too_many_fields', '', `${count} fields are more than ${MAPPING_FIELDS_MAX}`)
  }
  return { properties }
}

/**
 * Reads a mapping as a client gave it, or as it was stored. `type` may be left out where there are `properties`;
 * parameters other than `type`, `properties` and `normalizer` are of no consequence here and left out.
 *
 * @throws {DomainError} `mapping.invalid`, as `mergeMapping`.
 */
export function parseMapping(value: JsonObject): Mapping {
  return { properties: parseFields(value['properties'] ?? {}, []) }
}

function parseFields(value: unknown, path: readonly string[]): Fields {
  const where = path.join('.')
  if (!isJsonObject(value)) throw invalid('malformed', where, '"properties" must be an object')
  if (path.length >= MAPPING_DEPTH_MAX) throw invalid('too_deep', where, 'it is nested too deeply')
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, parseField(field, [...path, name])]),
  )
}

function parseField(value: unknown, path: readonly string[]): FieldMapping {
  const where = path.join('.')
  const name = path.at(-1) ?? ''
  if (name === '' || name.includes('.')) throw invalid('name_unusable', where, `"${name}" is no name`)
  if (!isJsonObject(value)) throw invalid('malformed', where, 'a field must be an object')
  const { type, properties, normalizer } = value
  if (type !== undefined && !isFieldType(type)) {
    throw invalid('type_unsupported', where, `the type ${JSON.stringify(type)} is not supported`)
  }
  if (type === undefined && properties === undefined) throw invalid('malformed', where, 'it has no type')
  if (properties !== undefined && type !== undefined && !OBJECT_TYPES.has(type)) {
    throw invalid('malformed', where, `a field of type ${type} has no properties`)
  }
  if (normalizer !== undefined && (normalizer !== 'lowercase' || type !== 'keyword')) {
    throw invalid('malformed', where, 'only "lowercase" of a keyword field is supported as normalizer')
  }
  return {
    ...(type !== undefined && { type }),
    ...(normalizer === 'lowercase' && { normalizer }),
    ...(properties !== undefined && { properties: parseFields(properties, path) }),
  }
}

function mergeFields(old: Fields, added: Fields, path: readonly string[]): Fields {
  const merged = Object.entries(added).map(([name, field]): [string, FieldMapping] => {
    const known = Object.hasOwn(old, name) ? old[name] : undefined
    return [name, known === undefined ? field : mergeField(known, field, [...path, name])]
  })
  return { ...old, ...Object.fromEntries(merged) }
}

function mergeField(known: FieldMapping, field: FieldMapping, path: readonly string[]): FieldMapping {
  const from = known.type ?? 'object'
  const to = field.type ?? 'object'
  if (from !== to || (field.normalizer ?? known.normalizer) !== known.normalizer) {
    throw invalid('type_changed', path.join('.'), `it is ${from} and cannot become ${to}`, { from, to })
  }
  if (known.properties === undefined && field.properties === undefined) return known
  return { ...known, properties: mergeFields(known.properties ?? {}, field.properties ?? {}, path) }
}

function countFields(fields: Fields): number {
  return Object.values(fields).reduce((sum, field) => sum + 1 + countFields(field.properties ?? {}), 0)
}

const OBJECT_TYPES: ReadonlySet<FieldType> = new Set(['object', 'nested'])

const FIELD_TYPES: ReadonlySet<unknown> = new Set<FieldType>([
  'keyword',
  'text',
  'long',
  'integer',
  'short',
  'byte',
  'double',
  'float',
  'date',
  'boolean',
  'object',
  'nested',
])

function isFieldType(value: unknown): value is FieldType {
  return FIELD_TYPES.has(value)
}

function invalid(problem: MappingProblem, field: string, why: string, facts: JsonObject = {}): DomainError {
  return new DomainError('mapping.invalid', `Cannot map "${field}": ${why}`, { problem, field, ...facts })
}
