/**
 * Why a query was refused.
 *
 * - `unknown_clause`: a keyword that is no clause; `subject` is the keyword.
 * - `malformed`: everything else that the language does not allow; `message` says what.
 * - `forbidden_keyword`: part of the language, but never answered here (`script`, `geo_*`, ...).
 * - `forbidden_search_key`: a member beside `query` that a search body may not have.
 * - `invalid_type`: the filter as a whole is of the wrong type; `subject` is the argument, `expected` its type.
 * - `koncorde_syntax`, `koncorde_translation`, `koncorde_restricted`: a Koncorde filter that is malformed, cannot be
 *   translated, or uses an operator that searches do not support (`subject` is it, `subjectKind` what it is).
 * - `too_expensive`: its evaluation would exceed the step budget, or reading it would take too long.
 */
export type QueryErrorCode =
  | 'unknown_clause'
  | 'malformed'
  | 'forbidden_keyword'
  | 'forbidden_search_key'
  | 'invalid_type'
  | 'koncorde_syntax'
  | 'koncorde_translation'
  | 'koncorde_restricted'
  | 'too_expensive'

/** A query that is refused before, or while, it runs; nothing was changed by it. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly code: QueryErrorCode
  readonly subject: string | undefined
  readonly subjectKind: 'operator' | 'clause' | undefined
  readonly expected: string | undefined

  constructor(
    code: QueryErrorCode,
    message: string,
    details: {
      readonly subject?: string
      readonly subjectKind?: 'operator' | 'clause'
      readonly expected?: string
    } = {},
  ) {
    super(message)
    this.code = code
    this.subject = details.subject
    this.subjectKind = details.subjectKind
    this.expected = details.expected
  }
}
