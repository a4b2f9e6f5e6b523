declare const brand: unique symbol

/** What can be bound to a parameter. */
export type SqlValue = null | number | string | Uint8Array

/**
 * A piece of SQL: text that this program wrote, and values that it did not.
 *
 * Only `sql` makes one, from template literals; values become parameters and can never be read as SQL.
 */
export type SqlText = {
  readonly [brand]: 'SqlText'
  /** One more than there are values: what stands before, between and behind the parameters. */
  readonly pieces: readonly string[]
  readonly values: readonly SqlValue[]
}

/** Makes SQL of a template literal: other SQL is put in as it is, everything else becomes a parameter. */
export function sql(literals: TemplateStringsArray, ...parts: readonly (SqlText | SqlValue)[]): SqlText {
  const pieces: string[] = [literals[0] ?? '']
  const values: SqlValue[] = []
  for (const [index, part] of parts.entries()) {
    const after = literals[index + 1] ?? ''
    if (!isSqlText(part)) {
      values.push(part)
      pieces.push(after)
      continue
    }
    pieces[pieces.length - 1] += part.pieces[0] ?? ''
    pieces.push(...part.pieces.slice(1))
    values.push(...part.values)
    pieces[pieces.length - 1] += after
  }
  return { pieces, values } as unknown as SqlText
}

function isSqlText(part: SqlText | SqlValue): part is SqlText {
  return typeof part === 'object' && part !== null && 'pieces' in part
}

/** Operands next to each other: databases bound how deep an expression may be, which grows by one for each of them. */
const OPERANDS_MAX = 4

/** Conditions joined by AND or OR, in parentheses. At least one. */
export function joinSql(operator: 'AND' | 'OR' | '+', conditions: readonly SqlText[]): SqlText {
  const [first, ...others] = conditions
  if (first === undefined) throw new Error('Cannot join SQL conditions: there is none')
  if (others.length === 0) return first
  if (conditions.length <= OPERANDS_MAX) return joinFew(operator, first, others)
  const groups: SqlText[] = []
  for (let start = 0; start < conditions.length; start += OPERANDS_MAX) {
    groups.push(joinSql(operator, conditions.slice(start, start + OPERANDS_MAX)))
  }
  return joinSql(operator, groups)
}

function joinFew(operator: 'AND' | 'OR' | '+', first: SqlText, others: readonly SqlText[]): SqlText {
  return sql`(${others.reduce((joined, next) => joinTwo(joined, operator, next), first)})`
}

function joinTwo(left: SqlText, operator: 'AND' | 'OR' | '+', right: SqlText): SqlText {
  if (operator === 'AND') return sql`${left} AND ${right}`
  return operator === 'OR' ? sql`${left} OR ${right}` : sql`${left} + ${right}`
}

/** The text for a database, with a placeholder for each value; values are bound in the same order. */
export function printSql(text: SqlText, placeholder: (number: number) => string): string {
  return text.pieces.map((piece, index) => (index === 0 ? piece : placeholder(index) + piece)).join('')
}
