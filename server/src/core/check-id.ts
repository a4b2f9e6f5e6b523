import { DomainError } from './errors.ts'
import { ID_BYTES_MAX } from './ids.ts'

/** What an id names. */
export type IdKind = 'key' | 'user' | 'profile' | 'role'

/** Why an id cannot be used. */
export type IdProblem = 'empty' | 'too_long' | 'reserved' | 'unprintable'

/**
 * Passes when a client may choose this id.
 *
 * @throws {DomainError} `id.invalid` with `facts.kind`, `facts.id` and `facts.problem` (`IdProblem`).
 */
export function checkId(kind: IdKind, id: string): void {
  const problem = problemOf(id)
  if (problem === undefined) return
  const shown = problem === 'too_long' ? `${id.slice(0, 64)}…` : id
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

function problemOf(id: string): IdProblem | undefined {
  if (id === '') return 'empty'
  if (Buffer.byteLength(id) > ID_BYTES_MAX) return 'too_long'
  // As an id, `_search` would take over the route that searches: Elasticsearch and Kuzzle refuse it as well.
  if (id === '_search') return 'reserved'
  // No store keeps these characters faithfully, so two ids that differ in them could become one.
  return !id.isWellFormed() || id.includes('\u0000') ? 'unprintable' : undefined
}

const WORDS: Readonly<Record<IdProblem, string>> = {
  empty: 'empty',
  too_long: `longer than ${ID_BYTES_MAX} bytes`,
  reserved: 'reserved',
  unprintable: 'not valid Unicode text',
}
