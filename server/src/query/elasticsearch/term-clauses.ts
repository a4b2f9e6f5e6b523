import { type Field, fieldTable } from '../field-table.ts'
import { MATCH_NONE, type Query } from '../filter.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  forbiddenKeyword,
  ignored,
  isBody,
  isScalar,
  malformed,
  readArguments,
  type Scalar,
  scalarArgument,
  soleField,
  textArgument,
  textsArgument,
  tokenOf,
  uncreatable,
} from './arguments.ts'
import { fieldsLike, nameOf, type ParseContext, targetOf, typeName } from './context.ts'
import { anyOfQuery, exactQuery, isTerms, termOf } from './values.ts'

/** `match_all` */
export function parseMatchAll(body: Body): Query {
  const { boost = 1 } = readArguments('match_all', body, COMMON, 'field')
  return { kind: 'all', boost }
}

/** `match_none` */
export function parseMatchNone(body: Body): Query {
  readArguments('match_none', body, COMMON, 'field')
  return MATCH_NONE
}

/** `ids` */
export function parseIds(body: Body): Query {
  const readers = { ...COMMON, values: textsArgument, type: ignored }
  const { values = [], boost = 1 } = readArguments('ids', body, readers, 'field')
  return values.length === 0 ? MATCH_NONE : { kind: 'ids', ids: new Set(values), boost }
}

/** `exists` */
export function parseExists(body: Body, context: ParseContext): Query {
  const { field, boost = 1 } = readArguments('exists', body, { ...COMMON, field: textArgument })
  if (field === undefined || field === '') throw malformed('[exists] must be provided with a [field]')
  return existsQuery(field, boost, context)
}

/** At least one value in a field, in any field of an object, or in any field that fits a pattern with `*`. */
export function existsQuery(name: string, boost: number, context: ParseContext): Query {
  if (name === '_id') return { kind: 'all', boost }
  const fields = name.includes('*') ? fieldsLike(name, context) : fieldsAt(name, context)
  return fields.length === 0
    ? MATCH_NONE
    : { kind: 'exists', fields: fields.map((field) => field.path), boost }
}

/** The field of that name, or the fields of the object of that name. */
function fieldsAt(name: string, context: ParseContext): readonly Field[] {
  const listed = fieldTable(context.mapping).leaves.filter(
    (leaf) =>
      leaf.nestedPath === context.nestedPath && (leaf.path === name || leaf.path.startsWith(`${name}.`)),
  )
  const target = listed.length > 0 ? undefined : targetOf(name, context)
  return target === undefined || target === '_id' ? listed : [target]
}

const TERM_READERS = {
  ...COMMON,
  value: termValue,
  term: termValue,
  case_insensitive: booleanArgument,
}

/** `term` */
export function parseTerm(body: Body, context: ParseContext): Query {
  const field = soleField('term', body)
  if (Array.isArray(field.value)) throw malformed('[term] query does not support array of values')
  const given = isBody(field.value)
    ? readArguments('term', field.value, TERM_READERS)
    : readArguments('term', { value: field.value }, TERM_READERS)
  const value = given.value ?? given.term
  if (value === undefined) throw malformed('value cannot be null')

  const target = targetOf(field.name, context)
  if (target === undefined) return MATCH_NONE
  const boost = given.boost ?? 1
  return given.case_insensitive === true
    ? anyCaseQuery(target, String(value), boost)
    : exactQuery(target, value, boost, context)
}

function termValue({ value }: Argument): Scalar {
  if (isScalar(value)) return value
  throw malformed(
    Array.isArray(value)
      ? '[term] query does not support arrays for value - use a bool query with multiple term clauses in the should section or use a Terms query if scoring is not required'
      : `[term] unknown token [${tokenOf(value)}] after [value]`,
  )
}

function anyCaseQuery(target: Field | '_id', value: string, boost: number): Query {
  if (target === '_id' || !isTerms(target)) {
    throw malformed(
      `[${nameOf(target)}] field which is of type [${typeName(target)}], does not support case insensitive term queries`,
    )
  }
  const wanted = foldAscii(termOf(target, value))
  const matcher = { matches: (term: string) => foldAscii(term) === wanted }
  return { kind: 'pattern', field: target.path, matcher, literalPrefix: '', contains: '', boost }
}

/** Lower-cases A to Z and nothing else: what `case_insensitive` compares. */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** Values that one `terms` clause may have. */
const TERMS_MAX = 65_536

/** `terms` */
export function parseTerms(body: Body, context: ParseContext): Query {
  let field: string | undefined
  let values: readonly unknown[] = []
  const others: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!Array.isArray(value) && !isBody(value)) {
      others[name] = value
      continue
    }
    if (field !== undefined) throw malformed('[terms] query does not support multiple fields')
    if (!Array.isArray(value)) throw forbiddenKeyword('terms lookup')
    field = name
    values = value
  }
  const { boost = 1 } = readArguments('terms', others, COMMON)
  if (field === undefined) {
    throw malformed(
      '[terms] query requires a field name, followed by array of terms or a document lookup specification',
    )
  }
  const scalars = termsValues(values)
  const target = targetOf(field, context)
  return target === undefined ? MATCH_NONE : anyOfQuery(target, scalars, boost, context)
}

function termsValues(values: readonly unknown[]): readonly Scalar[] {
  if (values.length > TERMS_MAX) {
    throw uncreatable(
      `The number of terms [${values.length}] used in the Terms Query request has exceeded the allowed maximum of ` +
        `[${TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.`,
    )
  }
  return values.map((value) => {
    if (isScalar(value)) return value
    if (value === null) throw malformed('No value specified for terms query')
    return scalarArgument({ clause: 'terms', name: 'terms', value })
  })
}

const TERMS_SET_READERS = {
  ...COMMON,
  terms: ({ value }: Argument): readonly Scalar[] => {
    if (Array.isArray(value)) return termsValues(value)
    throw malformed('[terms_set] query does not support [terms]')
  },
  minimum_should_match_field: textArgument,
  minimum_should_match_script: (): never => {
    throw forbiddenKeyword('minimum_should_match_script')
  },
}

/** `terms_set` with the count in a field of the document. */
export function parseTermsSet(body: Body, context: ParseContext): Query {
  const field = soleField('terms_set', body)
  if (!isBody(field.value))
    throw malformed(`[terms_set] unknown token [${tokenOf(field.value)}] after [${field.name}]`)
  const given = readArguments('terms_set', field.value, TERMS_SET_READERS)
  if (given.terms === undefined) throw malformed('No terms specified for terms_set query')
  const countField = given.minimum_should_match_field
  if (countField === undefined) throw uncreatable('No minimum should match has been specified')

  const target = targetOf(field.name, context)
  const count = targetOf(countField, context)
  if (target === undefined || target === '_id' || given.terms.length === 0) return MATCH_NONE
  if (count === undefined || count === '_id' || isTerms(count)) {
    throw uncreatable(`failed to find minimum_should_match field [${countField}]`)
  }
  context.clauses.add(given.terms.length)
  const terms = given.terms.map((term) => exactQuery(target, term, 1, context))
  return { kind: 'termsSet', terms, countField: count.path, boost: given.boost ?? 1 }
}
