import { type AnalyzerName, analyze, lowerCase } from '../analyzer.ts'
import type { Field } from '../field-table.ts'
import type { Query } from '../filter.ts'
import { minimumShouldMatch } from '../minimum-should-match.ts'
import type { Scalar } from './arguments.ts'
import type { ParseContext, Target } from './context.ts'
import { type BoostedTarget, selectFields } from './multi-match.ts'

/** The minimum counts the optional clauses of the outermost query, when that has any. */
export function withMinimum(query: Query, wanted: Scalar | undefined): Query {
  if (wanted === undefined || query.kind !== 'bool') return query
  const minimum = minimumShouldMatch(
    typeof wanted === 'boolean' ? String(wanted) : wanted,
    query.should.length,
  )
  return minimum > 0 ? { ...query, shouldMin: minimum } : query
}

/** The field for a quoted text: the one with the suffix, where it is mapped. */
export function quotedTarget(one: BoostedTarget, suffix: string, context: ParseContext): BoostedTarget {
  const { target, boost } = one
  if (target === undefined || target === '_id') return one
  const [quoted] = selectFields([target.path + suffix], context).targets
  return quoted?.target === undefined ? one : { target: quoted.target, boost }
}

/** Whether no field makes a single token of the text. */
export function leavesNothing(
  targets: readonly BoostedTarget[],
  text: string,
  analyzer: AnalyzerName | undefined,
  context: ParseContext,
): boolean {
  return targets.length > 0 && targets.every((one) => isEmptied(one.target, text, analyzer, context))
}

function isEmptied(
  target: Target,
  text: string,
  analyzer: AnalyzerName | undefined,
  context: ParseContext,
): boolean {
  if (target === undefined) return false
  const isText = target !== '_id' && target.type === 'text'
  const name = analyzer ?? (isText ? 'standard' : 'keyword')
  if (name === 'keyword') return false
  context.clauses.read(text)
  return analyze(name, text).length === 0
}

/** Tests of single terms are not analyzed, but brought to the case of the field's terms. */
export function normalize(field: Field | '_id', text: string): string {
  return field !== '_id' && field.type === 'text' ? lowerCase(text) : text
}
