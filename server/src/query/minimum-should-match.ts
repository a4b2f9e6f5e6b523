import { QueryError } from './query-error.ts'

/**
 * How many of `optionalCount` clauses must match.
 *
 * `3`: that many; `-1`: all but one; `75%`: that part, rounded down; `-25%`: all but that part, rounded down;
 * `2<75% 9<-3`: all up to the first bound, then the rule of the last bound that is below the count. Never negative, but
 * possibly more than there are clauses, in which case nothing matches.
 *
 * @throws {QueryError} `malformed` when it is none of these.
 */
export function minimumShouldMatch(spec: string | number, optionalCount: number): number {
  const text = String(spec).trim()
  if (!text.includes('<')) return simpleCount(text, optionalCount)

  let count = optionalCount
  for (const condition of text.replace(/\s*<\s*/g, '<').split(/ +/)) {
    const [bound = '', rule] = condition.split('<')
    if (optionalCount <= wholeNumber(bound)) return count
    if (rule === undefined) throw malformed(text)
    count = simpleCount(rule.trim(), optionalCount)
  }
  return count
}

function simpleCount(text: string, optionalCount: number): number {
  const isPercentage = text.includes('%')
  const number = wholeNumber(isPercentage ? text.slice(0, -1) : text)
  const part = isPercentage ? percentage(number, optionalCount) : number
  // The sign counts before the fraction is cut off: -25 % of 3 is all of them.
  return Math.max(0, (part < 0 ? optionalCount : 0) + Math.trunc(part))
}

/** In 32-bit arithmetic, as Elasticsearch calculates. With the same factor in 64 bits, 29 % of 100 would be below 29. */
function percentage(percent: number, count: number): number {
  return Math.fround(Math.imul(count, percent) * Math.fround(0.01))
}

const INTEGER = /^[+-]?[0-9]{1,10}$/
const INTEGER_MAX = 0x7fffffff

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!INTEGER.test(text) || number > INTEGER_MAX || number < -INTEGER_MAX - 1) throw malformed(text)
  return number
}

function malformed(text: string): QueryError {
  return new QueryError('malformed', `failed to create query: For input string: "${text}"`)
}
