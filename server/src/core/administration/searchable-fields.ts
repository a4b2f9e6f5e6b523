import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import type { Mapping } from '../../query/mapping.ts'
import type { Caller } from '../access/caller.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { JsonObject } from '../json.ts'
import type { Collection } from '../key-authority.ts'
import { mergeMapping, parseMapping } from './merge-mapping.ts'

/**
 * Searchable fields of a collection, added ones included. The same (`===`) object as long as nothing was added, so
 * that callers may hang on it what they derive from it.
 */
export async function getMapping(context: Context, collection: Collection): Promise<Mapping> {
  const builtIn = SEARCHABLE_FIELDS[collection]
  if (collection === 'api-keys') return builtIn
  const stored = await context.storage.config.read(configName(collection))
  if (stored === undefined) return builtIn
  const text = JSON.stringify(stored)
  const known = mergedMappings.get(builtIn)
  if (known?.text === text) return known.mapping
  const mapping = mergeMapping(builtIn, parseMapping(stored))
  mergedMappings.set(builtIn, { text, mapping })
  return mapping
}

/** The last merged mapping of each collection, with the text of the added fields that it was made from. */
const mergedMappings = new WeakMap<Mapping, { readonly text: string; readonly mapping: Mapping }>()

/**
 * Adds searchable fields and answers the whole mapping.
 *
 * @throws {DomainError} `mapping.invalid` when a type changes or is not supported.
 */
export async function extendMapping(
  context: Context,
  caller: Caller,
  { collection, added }: { readonly collection: Exclude<Collection, 'api-keys'>; readonly added: Mapping },
): Promise<Mapping> {
  const fields = parseMapping(asJson(added))
  const merge = (stored: JsonObject | undefined): JsonObject => {
    const all = stored === undefined ? fields : mergeMapping(parseMapping(stored), fields)
    mergeMapping(SEARCHABLE_FIELDS[collection], all)
    return asJson(all)
  }
  const change = { by: caller, action: 'mapping.update', subject: `mapping:${collection}` } as const
  await recordChange(context, { ...change, details: { added: asJson(fields) } }, (event) =>
    context.storage.config.update(configName(collection), merge, event),
  )
  return getMapping(context, collection)
}

function configName(collection: Collection): string {
  return `mapping.${collection}`
}

function asJson(mapping: Mapping): JsonObject {
  return { properties: mapping.properties }
}
