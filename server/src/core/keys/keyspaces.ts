import type { Keyspace } from '../core-settings.ts'
import { KEYSPACE_PART_LENGTH_MAX } from './native-token.ts'
import { vendorOfPrefix } from './reserved-prefixes.ts'

/** The keyspace of keys that name none. */
export const DEFAULT_KEYSPACE = 'default'

/** Most keyspaces that one server has. */
export const KEYSPACES_MAX = 100

/**
 * What is wrong with the keyspaces that an operator set, a sentence each; empty when nothing is.
 *
 * There must be one named `default`. Prefix and environment are 1 to 16 of `[a-z0-9]`; no two keyspaces have both in
 * common, and no prefix belongs to a known vendor, whose name scanners of secrets would blame.
 */
export function checkKeyspaces(keyspaces: Readonly<Record<string, Keyspace>>): readonly string[] {
  const entries = Object.entries(keyspaces)
  if (entries.length > KEYSPACES_MAX) {
    return [`There may be at most ${KEYSPACES_MAX} keyspaces: there are ${entries.length}`]
  }
  const problems = entries.flatMap(([name, keyspace]) => problemsOf(name, keyspace))
  if (!Object.hasOwn(keyspaces, DEFAULT_KEYSPACE)) {
    problems.push(`There must be a keyspace "${DEFAULT_KEYSPACE}", for keys that name none`)
  }
  return [...problems, ...duplicatesAmong(entries)]
}

const NAME = /^[A-Za-z0-9_.-]{1,64}$/
const PART = new RegExp(`^[a-z0-9]{1,${KEYSPACE_PART_LENGTH_MAX}}$`)

function problemsOf(name: string, { prefix, environment }: Keyspace): string[] {
  const problems: string[] = []
  if (!NAME.test(name)) {
    problems.push(`Keyspace ${JSON.stringify(name)}: a name has 1 to 64 of A-Z a-z 0-9 _ . -`)
  }
  const parts = { prefix, environment }
  for (const [part, text] of Object.entries(parts)) {
    if (PART.test(text)) continue
    const shown = JSON.stringify(text)
    problems.push(
      `Keyspace "${name}": the ${part} ${shown} is not 1 to ${KEYSPACE_PART_LENGTH_MAX} of a-z 0-9`,
    )
  }
  const vendor = vendorOfPrefix(prefix)
  if (vendor !== undefined) {
    problems.push(`Keyspace "${name}": tokens that begin with "${prefix}" are known as those of ${vendor}`)
  }
  return problems
}

function duplicatesAmong(entries: readonly (readonly [string, Keyspace])[]): readonly string[] {
  const names = new Map<string, string>()
  return entries.flatMap(([name, { prefix, environment }]) => {
    const head = `${prefix}_${environment}_`
    const other = names.get(head)
    names.set(head, name)
    return other === undefined ? [] : [`Keyspaces "${other}" and "${name}" both begin with "${head}"`]
  })
}
