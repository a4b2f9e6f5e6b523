import { SETTING_NAMES, type SettingName, settingOf } from './settings.ts'

/** What names of environment variables start with. */
export const ENVIRONMENT_PREFIX = 'LATCHKEY_'

/**
 * The words of a name, such as `SECURITY_API_KEY_MAX_TTL` for `security.apiKey.maxTTL`.
 *
 * Words end at a dot, a dash, an underscore or before a capital, so that `log.level`, `log-level` and `LOG_LEVEL` are one.
 */
export function wordsOf(name: string): string {
  return (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z\d]+|\d+/g) ?? []).join('_').toUpperCase()
}

/** The environment variable of a setting. */
export function environmentVariableOf(name: string): string {
  return ENVIRONMENT_PREFIX + wordsOf(name)
}

/** The flag of a setting in its usual form, such as `--log-level` or `--limits.logins-per-second`. */
export function flagOf(name: string): string {
  return `--${name.replace(/(?<=[a-z\d])(?=[A-Z])/g, '-').toLowerCase()}`
}

/** The setting of that exact name or alias, as files spell it. */
export function settingNamed(name: string): SettingName | undefined {
  return NAMES.get(name)
}

/** The setting of a flag or environment variable, by the words of its name or alias. */
export function settingOfWords(words: string): SettingName | undefined {
  return BY_WORDS.get(words)
}

/** True when some setting's name or alias starts with this path. */
export function isSection(path: string): boolean {
  return SECTIONS.has(path)
}

/** The known name that an unknown one most likely stands for; undefined when none is near. */
export function nearestName(unknown: string): string | undefined {
  const wanted = wordsOf(unknown)
  let nearest: { readonly name: string; readonly distance: number } | undefined
  for (const name of NAMES.keys()) {
    const distance = Math.min(editDistance(wanted, wordsOf(name)), lastWordsDistance(unknown, name))
    if (nearest === undefined || distance < nearest.distance) nearest = { name, distance }
  }
  const distanceMax = Math.max(2, Math.floor(wanted.length / 3))
  return nearest !== undefined && nearest.distance <= distanceMax ? nearest.name : undefined
}

const NAMES: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.flatMap((name) => [name, ...settingOf(name).aliases].map((known) => [known, name] as const)),
)
const BY_WORDS: ReadonlyMap<string, SettingName> = new Map(
  [...NAMES].map(([known, name]) => [wordsOf(known), name]),
)
const SECTIONS: ReadonlySet<string> = new Set([...NAMES.keys()].flatMap(sectionsOf))

function sectionsOf(name: string): readonly string[] {
  const parts = name.split('.')
  return parts.slice(1).map((_, end) => parts.slice(0, end + 1).join('.'))
}

/** How far the last part alone is from the known one's, and 1 more, so that a whole name that is as near wins. */
function lastWordsDistance(unknown: string, known: string): number {
  const [last, knownLast] = [unknown, known].map((name) => wordsOf(name.split('.').at(-1) ?? ''))
  return 1 + editDistance(last ?? '', knownLast ?? '')
}

const NAME_LENGTH_MAX = 128

/** Insertions, deletions and replacements between two names (Levenshtein). */
function editDistance(left: string, right: string): number {
  if (left.length > NAME_LENGTH_MAX) return Number.POSITIVE_INFINITY
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
