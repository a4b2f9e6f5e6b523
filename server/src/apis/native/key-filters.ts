import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { KeyFilter } from '../../core/ports/key-store.ts'
import { INSTANT_MAX } from '../../core/record.ts'
import { keyState, ownerId } from './key-schemas.ts'
import { jsonObject, strict } from './strict-object.ts'
import { INSTANT_EXPECTED, instant } from './time-schemas.ts'

/** Which keys an operation is about. */
type Filter = Omit<KeyFilter, 'now'>

type MetadataFilter = NonNullable<KeyFilter['metadata']>

const EXPIRING_BEFORE = 'Those that expire, but not yet, before this instant.'
const UNUSED_SINCE = 'Those that were not used since this instant.'

/** A filter in a body; it must say something, so that nobody means all keys by mistake. */
export const keyFilter = strict({
  owner: ownerId.exactOptional(),
  state: keyState.exactOptional(),
  expiringBefore: instant.meta({ description: EXPIRING_BEFORE }).exactOptional(),
  unusedSince: instant.meta({ description: UNUSED_SINCE }).exactOptional(),
  metadata: jsonObject
    .refine((metadata) => Object.values(metadata).every(isScalar), {
      error: 'must hold text, numbers and booleans only',
    })
    .refine((metadata) => Object.keys(metadata).length > 0, { error: 'must name something' })
    .transform((metadata) => metadata as MetadataFilter)
    .meta({ type: 'object', description: 'Members of the metadata that must be equal.' })
    .exactOptional(),
})
  .refine((filter) => Object.keys(filter).length > 0, { error: 'must name something' })
  .meta({ id: 'KeyFilter', description: 'Which keys; all that is given must hold.' })

/** The query string of a listing: the filter as fields, and the page. */
export function listQuery(limitMax: number) {
  return strict({
    owner: ownerId.exactOptional(),
    state: keyState.meta({ description: 'Absent: all but revoked ones.' }).exactOptional(),
    expiringBefore: instantField.meta({ description: EXPIRING_BEFORE }).exactOptional(),
    unusedSince: instantField.meta({ description: UNUSED_SINCE }).exactOptional(),
    metadata: jsonObject
      .transform(
        (fields): MetadataFilter =>
          Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, parseScalar(value)])),
      )
      .meta({
        type: 'object',
        description:
          '`metadata.team=billing` or `metadata[team]=billing`. What reads as a number, `true` or `false` is that; in double quotes it is text.',
      })
      .exactOptional(),
    limit: z.coerce.number().int().min(1).max(limitMax).exactOptional(),
    cursor: z.string().min(1).max(1_024).meta({ description: '`next` of the page before.' }).exactOptional(),
  })
}

const instantField = z
  .union(
    [
      z.coerce.number().int().min(0).max(INSTANT_MAX),
      z.iso.datetime({ offset: true, error: INSTANT_EXPECTED }),
    ],
    {
      error: INSTANT_EXPECTED,
    },
  )
  .transform((given) => (typeof given === 'number' ? given : Date.parse(given)))
  .refine((at) => at >= 0 && at <= INSTANT_MAX, { error: 'must be a point in time since 1970' })

/** The filter without the page. */
export function filterOf(query: z.output<ReturnType<typeof listQuery>>): Filter {
  const { limit, cursor, ...filter } = query
  return filter
}

function isScalar(value: JsonValue): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** `5` and `true` as such, `"5"` and anything else as text. */
function parseScalar(field: JsonObject[string]): string | number | boolean {
  const text = String(field)
  try {
    const value: JsonValue = JSON.parse(text)
    return isScalar(value) ? value : text
  } catch {
    return text
  }
}
