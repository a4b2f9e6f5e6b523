import { isJsonObject, type JsonValue } from '../../core/json.ts'
import { fail } from './kuzzle-errors.ts'

/** What a search by credentials of the strategy `local` may look at. */
const SEARCHABLE = 'username'

/**
 * Passes when a search of credentials names no field but the user name.
 *
 * Fields are members whose names are no words of the query languages, and the values of `field` and its like. What
 * slips through because it is called like such a word is not mapped, and so finds nothing.
 *
 * @throws {KuzzleError} `api.assert.forbidden_argument` with the field.
 */
export function refuseOtherFields(body: JsonValue): void {
  // A stack of our own: bodies may be nested deeper than calls can be.
  const pending: JsonValue[] = [body]
  while (pending.length > 0) {
    const value = pending.pop() ?? null
    if (Array.isArray(value)) for (const item of value) pending.push(item)
    if (!isJsonObject(value)) continue
    for (const [name, member] of Object.entries(value)) {
      if (NAMES_A_FIELD.has(name)) listOf(member).forEach(checkField)
      else if (!WORDS.has(name)) checkField(name)
      pending.push(member)
    }
  }
}

function checkField(field: JsonValue): void {
  if (typeof field !== 'string') return
  const name = field.split(/[\^[]/)[0]
  if (name === SEARCHABLE || name === '' || name === '*' || META_FIELDS.has(field)) return
  fail('api.assert.forbidden_argument', field)
}

function listOf(value: JsonValue): readonly JsonValue[] {
  return Array.isArray(value) ? value : [value]
}

const META_FIELDS: ReadonlySet<string> = new Set(['_id', '_score', '_doc'])

/** Arguments whose value is a field, or a list of them. */
const NAMES_A_FIELD: ReadonlySet<string> = new Set([
  'sort',
  'field',
  'fields',
  'default_field',
  'path',
  'exists',
])

/** Clauses of both languages, and their arguments. */
const WORDS: ReadonlySet<string> = new Set(
  [
    'query from size missing and or not equals in',
    'bool must must_not should filter minimum_should_match constant_score nested',
    'dis_max queries tie_breaker boosting positive negative negative_boost',
    'match_all match_none ids values term terms terms_set range prefix wildcard regexp fuzzy',
    'match match_phrase match_phrase_prefix match_bool_prefix multi_match query_string simple_query_string',
    'value boost _name case_insensitive operator default_operator analyzer slop lenient zero_terms_query',
    'fuzziness prefix_length max_expansions transpositions rewrite flags type score_mode ignore_unmapped',
    'fuzzy_transpositions fuzzy_rewrite fuzzy_max_expansions fuzzy_prefix_length max_determinized_states',
    'analyze_wildcard allow_leading_wildcard auto_generate_synonyms_phrase_query phrase_slop escape',
    'quote_field_suffix quote_analyzer enable_position_increments time_zone format relation',
    'minimum_should_match_field gt gte lt lte order mode unmapped_type numeric_type',
  ].flatMap((line) => line.split(' ')),
)
