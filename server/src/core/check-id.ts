import { DomainError } from './errors.ts'
import { ID_BYTES_MAX } from './ids.ts'
import { parseKeyToken } from './keys/key-token.ts'

/** What an id names. */
export type IdKind = 'key' | 'user' | 'profile' | 'role'

/** Why an id cannot be used. */
export type IdProblem = 'empty' | 'too_long' | 'reserved' | 'unprintable' | 'token'

/**
 * Passes when a client may choose this id.
 *
 * @throws {DomainError} `id.invalid` with `facts.kind`, `facts.id` and `facts.problem` (`IdProblem`).
 */
export function checkId(kind: IdKind, id: string): void {
  const problem = problemOf(id)
  if (problem === undefined) return
  const shown = shownId(id)
  throw new DomainError(
    'id.invalid',
    `Cannot use "${shown}" as the id of a ${kind}: it is ${WORDS[problem]}`,
    {
      kind,
      id: shown,
      problem,
    },
  )
}

/** An id as messages and the audit trail may repeat it: the beginning of a long one, and nothing of a token. */
export function shownId(id: string): string {
  if (parseKeyToken(id) !== undefined) return '[secret]'
  return id.length > SHOWN_CHARACTERS_MAX ? `${id.slice(0, SHOWN_CHARACTERS_MAX)}…` : id
}

const SHOWN_CHARACTERS_MAX = 64

function problemOf(id: string): IdProblem | undefined {
  if (id === '') return 'empty'
  if (Buffer.byteLength(id) > ID_BYTES_MAX) return 'too_long'
  // As an id, `_search` would take over the route that searches: Elasticsearch and Kuzzle refuse it as well.
  if (id === '_search') return 'reserved'
  // Ids stand in lists, logs and the audit trail, where no secret may.
  if (parseKeyToken(id) !== undefined) return 'token'
  // No store keeps these characters faithfully, so two ids that differ in them could become one.
  return !id.isWellFormed() || id.includes('\u0000') ? 'unprintable' : undefined
}

const WORDS: Readonly<Record<IdProblem, string>> = {
  empty: 'empty',
  too_long: `longer than ${ID_BYTES_MAX} bytes`,
  reserved: 'reserved',
  unprintable: 'not valid Unicode text',
  token: 'a token, which is a secret',
}
