import { type Body, isBody } from './elasticsearch/arguments.ts'
import { QueryError } from './query-error.ts'

/**
 * Translates a Koncorde filter into a query of the Elasticsearch DSL, as Kuzzle does for searches.
 *
 * Nothing is validated but the shape of what is translated; clauses that Koncorde does not know are passed on as they
 * are, so that native ones may be mixed in. An empty filter finds everything.
 *
 * @throws {QueryError} `invalid_type`, `koncorde_syntax`, `koncorde_restricted`, `koncorde_translation`.
 */
export function translateKoncorde(filter: unknown): unknown {
  if (!isBody(filter)) {
    throw new QueryError('invalid_type', 'Wrong type for argument "body.query" (expected: object)', {
      subject: 'body.query',
      expected: 'object',
    })
  }
  return Object.keys(filter).length === 0 ? { match_all: {} } : translate(filter, 0)
}

/** Operators around an operator that are allowed; deeper filters would exhaust the stack. */
const DEPTH_MAX = 100

const RENAMED_CLAUSES: Readonly<Record<string, string>> = {
  geoBoundingBox: 'geo_bounding_box',
  geoDistance: 'geo_distance',
  geoDistanceRange: 'geo_distance_range',
  geoPolygon: 'geo_polygon',
  equals: 'term',
  in: 'terms',
}

function translate(filter: Body, depth: number): unknown {
  const [keyword, value] = soleKeyword(filter)
  if (depth > DEPTH_MAX) throw syntaxError(keyword, `cannot be nested deeper than ${DEPTH_MAX} levels`)
  switch (keyword) {
    case 'and':
      return { bool: { filter: operands(keyword, value, depth) } }
    case 'or':
      return { bool: { should: operands(keyword, value, depth) } }
    case 'not':
      return { bool: { must_not: [operand(value, depth)] } }
    case 'bool':
      throw restricted('operator', keyword)
    case 'regexp':
      throw restricted('clause', keyword)
    case 'exists':
      return translateExists(value)
    case 'missing':
      return { bool: { must_not: [{ exists: { field: value } }] } }
    default: {
      const name = Object.hasOwn(RENAMED_CLAUSES, keyword) ? RENAMED_CLAUSES[keyword] : undefined
      return { [name ?? keyword]: value }
    }
  }
}

function soleKeyword(filter: Body): readonly [string, unknown] {
  const [first, second] = Object.entries(filter)
  if (first === undefined || second !== undefined) {
    throw syntaxError(undefined, 'Invalid filter syntax. Filters must have one keyword only')
  }
  return first
}

function operands(keyword: string, value: unknown, depth: number): readonly unknown[] {
  if (!Array.isArray(value)) throw syntaxError(keyword, 'must be an array')
  return value.map((one: unknown) => {
    if (!isBody(one) || Object.keys(one).length === 0) {
      throw syntaxError(keyword, 'can only contain non-empty objects')
    }
    return translate(one, depth + 1)
  })
}

function operand(value: unknown, depth: number): unknown {
  if (!isBody(value)) throw syntaxError('not', 'must be an object')
  const count = Object.keys(value).length
  if (count !== 1) throw syntaxError('not', `expected object to have exactly 1 property, got ${count}`)
  return translate(value, depth + 1)
}

/** `"path"`, `{field: "path"}`, or `"path[json]"` for an array that holds a value. */
function translateExists(value: unknown): unknown {
  const path = isBody(value) ? value['field'] : value
  if (typeof path !== 'string') return { exists: { field: path } }
  const open = path.indexOf('[')
  if (open === -1) return { exists: { field: path } }

  const close = path.lastIndexOf(']')
  if (close < open) throw untranslatable(`Invalid exists path "${path}": missing closing bracket`)
  const field = path.slice(0, open)
  const wanted = parseJson(path, path.slice(open + 1, close))
  // A value that JavaScript takes for false adds no condition: Kuzzle tests it so, and clients see it.
  const range = wanted ? [{ range: { [field]: { gte: wanted, lte: wanted } } }] : []
  return { bool: { filter: [{ exists: { field } }, ...range] } }
}

function parseJson(path: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw untranslatable(`Invalid exists path "${path}": the value between the brackets is no JSON`)
  }
}

function untranslatable(reason: string): QueryError {
  return new QueryError('koncorde_translation', reason)
}

function restricted(kind: 'operator' | 'clause', keyword: string): QueryError {
  return new QueryError(
    'koncorde_restricted',
    `The ${kind} "${keyword}" of Koncorde DSL is not supported for search queries.`,
    { subject: keyword, subjectKind: kind },
  )
}

function syntaxError(keyword: string | undefined, text: string): QueryError {
  const message = keyword === undefined ? text : `"${keyword}": ${text}`
  return new QueryError('koncorde_syntax', message, keyword === undefined ? {} : { subject: keyword })
}
