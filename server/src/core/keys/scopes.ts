/** Most characters of one scope. */
export const SCOPE_LENGTH_MAX = 256

/**
 * Whether a text is a scope: `controller:action`, both of `[A-Za-z0-9._-]` and `*`, which stands for any text within
 * its part. `*` alone is `*:*`.
 */
export function isScope(text: string): boolean {
  return text.length <= SCOPE_LENGTH_MAX && (text === '*' || SCOPE.test(text))
}

const SCOPE = /^[A-Za-z0-9._*-]+:[A-Za-z0-9._*-]+$/

/**
 * Whether the scopes of a key keep a permission. Absent scopes keep all, an empty list keeps none, and neither grants
 * anything that the owner may not do.
 *
 * A list is read once, however often it is asked, so it must not be changed. What is no scope keeps nothing.
 */
export function scopesKeep(
  scopes: readonly string[] | undefined,
  controller: string,
  action: string,
): boolean {
  if (scopes === undefined) return true
  const compiled = compiledScopes(scopes)
  if (compiled.exact.get(controller)?.has(action) === true) return true
  for (const pattern of compiled.patterns) {
    if (fits(pattern.controller, controller) && fits(pattern.action, action)) return true
  }
  return false
}

/** Whether names fit a pattern as a whole, in which `*` stands for any text. */
export function patternOf(pattern: string): (name: string) => boolean {
  const glob = parseGlob(pattern)
  return (name) => fits(glob, name)
}

/** Scopes without `*` by controller, so that many of them cost no more than one; the others one after another. */
type CompiledScopes = {
  readonly exact: ReadonlyMap<string, ReadonlySet<string>>
  readonly patterns: readonly { readonly controller: Glob; readonly action: Glob }[]
}

const compiledLists = new WeakMap<readonly string[], CompiledScopes>()

function compiledScopes(scopes: readonly string[]): CompiledScopes {
  const known = compiledLists.get(scopes)
  if (known !== undefined) return known
  const exact = new Map<string, Set<string>>()
  const patterns: { readonly controller: Glob; readonly action: Glob }[] = []
  for (const scope of scopes) {
    if (!isScope(scope)) continue
    const [controller = '*', action = '*'] = scope.split(':')
    if (scope.includes('*')) patterns.push({ controller: parseGlob(controller), action: parseGlob(action) })
    else exact.set(controller, (exact.get(controller) ?? new Set()).add(action))
  }
  const compiled = { exact, patterns }
  compiledLists.set(scopes, compiled)
  return compiled
}

/** Text that must come first, texts that must follow in order, and the text that must come last. */
type Glob = {
  readonly first: string
  readonly middle: readonly string[]
  /** Absent: there is no `*`, and `first` is all. */
  readonly last?: string
}

function parseGlob(pattern: string): Glob {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return { first, middle: [] }
  return { first, middle: others.filter((piece) => piece !== ''), last }
}

/** As `fitsGlob` of the query language, but allocates nothing. */
function fits({ first, middle, last }: Glob, text: string): boolean {
  if (last === undefined) return text === first
  const end = text.length - last.length
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return false
  let from = first.length
  for (const piece of middle) {
    const found = text.indexOf(piece, from)
    if (found === -1 || found + piece.length > end) return false
    from = found + piece.length
  }
  return true
}
