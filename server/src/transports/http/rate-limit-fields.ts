/** Where the limits of somebody stand. */
type Standing = {
  /** Those that there are, with the time that they are about; a state without its limit is told without it. */
  readonly limits: readonly { readonly name: string; readonly limit: number; readonly windowMs: number }[]
  /** Those that were counted; names are of letters, digits, `_`, `.` and `-`. */
  readonly states: readonly {
    readonly name: string
    readonly limit: number
    readonly remaining: number
    /** In ms since 1970, as `now` is. */
    readonly resetAt: number
  }[]
}

/**
 * The header fields of draft-ietf-httpapi-ratelimit-headers, with times in seconds, rounded up; none when nothing was
 * counted.
 */
export function rateLimitFields({ limits, states }: Standing, now: number): Readonly<Record<string, string>> {
  if (states.length === 0) return {}
  const policies = states.map(({ name, limit }) => {
    const found = limits.find((each) => each.name === name && each.limit === limit)
    return `"${name}";q=${limit}${found === undefined ? '' : `;w=${secondsOf(found.windowMs)}`}`
  })
  const standings = states.map(
    ({ name, remaining, resetAt }) => `"${name}";r=${remaining};t=${secondsOf(resetAt - now)}`,
  )
  return { 'RateLimit-Policy': policies.join(', '), RateLimit: standings.join(', ') }
}

/** When to come back, as `Retry-After` says it: whole seconds, and never at once. */
export function retryAfterSeconds(ms: number): string {
  return String(Math.max(1, secondsOf(ms)))
}

function secondsOf(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000))
}
