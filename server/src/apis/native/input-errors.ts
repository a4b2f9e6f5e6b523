import type { z } from 'zod'
import { type InputError, Problem } from './problem.ts'
import { suggestedName } from './strict-object.ts'

/** Most mistakes that one answer lists; who repairs these sees the next. */
const ERRORS_MAX = 20

/** Longest part of a client's own text that is shown to it. */
const SHOWN_LENGTH_MAX = 64

/** What a schema does not accept, as a problem that names each part. */
export function invalidInput(
  { issues }: z.core.$ZodError,
  where: 'body' | 'query' | 'path' | 'form',
): Problem {
  const errors = issues.flatMap(issueErrors).slice(0, ERRORS_MAX)
  const named = errors.map((error) => nameError(error, where))
  const [first] = named
  const subject = first?.parameter ?? first?.pointer ?? ''
  const detail = `Cannot read the ${where}: ${subject === '' ? 'it' : subject}: ${first?.detail ?? 'is wrong'}`
  return new Problem('request.invalid', detail, { errors: named })
}

type PathError = Pick<InputError, 'detail' | 'suggestion'> & { readonly path: readonly PropertyKey[] }

function issueErrors(issue: z.core.$ZodIssue): readonly PathError[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, detail: issue.message }]
  const lines = issue.message.split('\n')
  return issue.keys.map((key, index) => {
    const detail = lines[index] ?? issue.message
    const suggestion = suggestedName(detail)
    return { path: [...issue.path, key], detail, ...(suggestion !== undefined && { suggestion }) }
  })
}

function nameError({ path, ...what }: PathError, where: string): InputError {
  if (where === 'body') return { pointer: path.map((part) => `/${escapePointer(part)}`).join(''), ...what }
  return { parameter: path.map(shorten).join('.'), ...what }
}

/** RFC 6901 section 3. */
function escapePointer(part: PropertyKey): string {
  return shorten(part).replaceAll('~', '~0').replaceAll('/', '~1')
}

function shorten(part: PropertyKey): string {
  const text = String(part)
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text
}
