import type { FieldMapping, FieldType, Mapping } from './mapping.ts'

/** Types of fields that hold values themselves. */
export type LeafType = Exclude<FieldType, 'object' | 'nested'>

/** A field that holds values. */
export type Field = {
  /** Dotted path from the root of the document. */
  readonly path: string
  readonly type: LeafType
  /** Path of the innermost nested object that the field is in; absent at the root. */
  readonly nestedPath?: string
  readonly lowerCased: boolean
}

/** An object: nothing but other fields. */
export type ObjectField = { readonly path: string; readonly type: 'object' | 'nested' }

/** A mapping, flattened for look-ups by path. */
export type FieldTable = {
  /** In the order of the mapping. */
  readonly leaves: readonly Field[]
  /** Also members of dynamic objects, of which no list can be made. */
  readonly leaf: Pick<ReadonlyMap<string, Field>, 'get'>
  readonly object: ReadonlyMap<string, ObjectField>
}

const tables = new WeakMap<Mapping, FieldTable>()

/** The flattened form of a mapping; made once for each mapping object, which must not change afterwards. */
export function fieldTable(mapping: Mapping): FieldTable {
  const known = tables.get(mapping)
  if (known !== undefined) return known

  const leaves: Field[] = []
  const objects: ObjectField[] = []
  flatten(mapping.properties, '', undefined, leaves, objects)
  const table = {
    leaves,
    leaf: leafFinder(leaves, dynamicPrefixes(mapping.properties, '')),
    object: new Map(objects.map((field) => [field.path, field])),
  }
  tables.set(mapping, table)
  return table
}

function leafFinder(leaves: readonly Field[], prefixes: readonly string[]): FieldTable['leaf'] {
  const listed = new Map(leaves.map((field) => [field.path, field]))
  if (prefixes.length === 0) return listed
  return {
    get: (path) => {
      const field = listed.get(path)
      if (field !== undefined || !prefixes.some((prefix) => isMember(path, prefix))) return field
      return { path, type: 'keyword', lowerCased: false }
    },
  }
}

function isMember(path: string, prefix: string): boolean {
  return path.length > prefix.length && path.startsWith(prefix)
}

/** What the paths of members of dynamic objects begin with. */
function dynamicPrefixes(
  properties: Readonly<Record<string, FieldMapping>>,
  prefix: string,
): readonly string[] {
  return Object.entries(properties).flatMap(
    ([name, { type = 'object', dynamic, properties: inner = {} }]) => {
      if (type !== 'object') return []
      const path = `${prefix}${name}.`
      return [...(dynamic === 'keyword' ? [path] : []), ...dynamicPrefixes(inner, path)]
    },
  )
}

/** The field of that path; undefined when it is not mapped, or an object. */
export function findField(mapping: Mapping, path: string): Field | undefined {
  return fieldTable(mapping).leaf.get(path)
}

function flatten(
  properties: Readonly<Record<string, FieldMapping>>,
  prefix: string,
  nestedPath: string | undefined,
  leaves: Field[],
  objects: ObjectField[],
): void {
  for (const [name, field] of Object.entries(properties)) {
    const path = prefix + name
    const type = field.type ?? 'object'
    if (type !== 'object' && type !== 'nested') {
      const lowerCased = field.normalizer === 'lowercase'
      leaves.push({ path, type, lowerCased, ...(nestedPath !== undefined && { nestedPath }) })
      continue
    }
    objects.push({ path, type })
    flatten(field.properties ?? {}, `${path}.`, type === 'nested' ? path : nestedPath, leaves, objects)
  }
}
