import { PROBLEMS, type Problem, type ProblemCode } from './problem.ts'

/** A refusal in OAuth's own words (RFC 6749 section 5.2), which clients of its endpoints look for. */
export type OAuthError = { readonly error: string; readonly error_description: string }

/** The same refusal for a client of OAuth. */
export function oauthErrorOf({ code, message }: Problem): OAuthError {
  return { error: NAMES[code] ?? nameOfStatus(PROBLEMS[code].status), error_description: plain(message) }
}

/** RFC 6749 section 5.2 for who is not known at all, RFC 6750 section 3.1 for the tokens of those who are. */
const NAMES: Readonly<Partial<Record<ProblemCode, string>>> = {
  'token.missing': 'invalid_client',
  'token.invalid': 'invalid_token',
  'right.missing': 'insufficient_scope',
}

/** The last two are of RFC 6749 section 4.1.2.1. */
function nameOfStatus(status: number): string {
  if (status === 403) return 'unauthorized_client'
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status < 500 ? 'invalid_request' : 'server_error'
}

/** What may stand in a description: ASCII without `"` and the backslash. */
function plain(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
}
