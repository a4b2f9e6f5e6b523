import { DomainError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { FieldMapping, FieldType, Mapping } from '../../query/mapping.ts'

/** Most fields that one request may add, and how deep they may be nested: Elasticsearch's own defaults. */
export const MAPPING_LIMITS = { fieldsMax: 1000, depthMax: 20 } as const

/**
 * Reads the fields to add from a mapping as Elasticsearch words it: `{properties: {age: {type: 'integer'}}}`.
 * `_meta` and `dynamic` change nothing here; only what is listed can be searched.
 *
 * @throws {DomainError} `mapping.invalid` for anything that would not be honoured, so that no field behaves other
 *   than its mapping says.
 */
export function parseMapping(body: JsonObject): Mapping {
  refuseStrangers('mapping', body, ['properties', 'dynamic', '_meta'])
  checkDynamic(body['dynamic'])
  const properties =
    body['properties'] === undefined ? {} : parseProperties('properties', body['properties'], 1)
  const fields = countFields(properties)
  if (fields <= MAPPING_LIMITS.fieldsMax) return { properties }
  throw invalid(`${fields} fields, and ${MAPPING_LIMITS.fieldsMax} is the limit`)
}

/** Elasticsearch's words for it, true and false also as such. */
const DYNAMIC = ['true', 'false', 'strict', 'runtime']

function checkDynamic(given: JsonValue | undefined): void {
  if (given === undefined || DYNAMIC.includes(String(given))) return
  throw invalid(`Could not convert [dynamic] to one of ${DYNAMIC.join(', ')}: ${JSON.stringify(given)}`)
}

/** A mapping's fields in Elasticsearch's words, without those of the record metadata, as Kuzzle lists them. */
export function printMapping(mapping: Mapping): Readonly<Record<string, FieldMapping>> {
  const { _kuzzle_info, ...properties } = mapping.properties
  return properties
}

const FIELD_TYPES: ReadonlyMap<string, FieldType> = new Map(
  (
    [
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
    ] as const
  ).map((type) => [type, type]),
)

/** Parameters that change how Elasticsearch stores a field, but not what a search finds. */
const STORAGE_PARAMETERS = ['store', 'doc_values', 'eager_global_ordinals', 'meta']

function parseProperties(
  path: string,
  properties: JsonValue,
  depth: number,
): Readonly<Record<string, FieldMapping>> {
  if (!isJsonObject(properties)) throw invalid(`"${path}" is not an object`)
  if (depth > MAPPING_LIMITS.depthMax) throw invalid(`more than ${MAPPING_LIMITS.depthMax} levels of fields`)
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, parseField(`${path}.${name}`, field, depth)]),
  )
}

function parseField(path: string, field: JsonValue, depth: number): FieldMapping {
  if (!isJsonObject(field)) throw invalid(`"${path}" is not an object`)
  refuseStrangers(path, field, ['type', 'properties', ...STORAGE_PARAMETERS])
  const type = parseType(path, field)
  const isObject = type === 'object' || type === 'nested'
  if (field['properties'] === undefined) return isObject ? { type, properties: {} } : { type }
  if (!isObject) throw invalid(`"${path}" of type "${type}" cannot hold fields`)
  return { type, properties: parseProperties(`${path}.properties`, field['properties'], depth + 1) }
}

function parseType(path: string, field: JsonObject): FieldType {
  const name = field['type']
  if (name === undefined) {
    if (field['properties'] !== undefined) return 'object'
    throw invalid(`No type specified for field "${path}"`)
  }
  const type = typeof name === 'string' ? FIELD_TYPES.get(name) : undefined
  if (type !== undefined) return type
  const known = [...FIELD_TYPES.keys()].join(', ')
  throw invalid(
    `No handler for type [${String(name).slice(0, 64)}] declared on field "${path}"; known types: ${known}`,
  )
}

function refuseStrangers(path: string, object: JsonObject, accepted: readonly string[]): void {
  const stranger = Object.keys(object).find((name) => !accepted.includes(name))
  if (stranger !== undefined) throw invalid(`"${stranger}" of "${path}" is not supported`)
}

function countFields(properties: Readonly<Record<string, FieldMapping>>): number {
  let count = 0
  for (const field of Object.values(properties)) count += 1 + countFields(field.properties ?? {})
  return count
}

function invalid(state: string): DomainError {
  return new DomainError('mapping.invalid', `Cannot update the mapping: ${state}`)
}
