import type { Instant } from '../../../core/record.ts'

/** Longest life of a token, in ms: what still counts exactly, and is far beyond any use. */
const LIFE_MAX_MS = 8_640_000_000_000_000

const PART = '([+-]?\\d{1,19})'
const DURATION = new RegExp(
  `^([+-]?)P(?:${PART}D)?(T(?:${PART}H)?(?:${PART}M)?(?:([+-]?)(\\d{1,19})(?:[.,](\\d{0,9}))?S)?)?$`,
  'i',
)

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const SECOND_MS = 1_000

/**
 * Reads a duration as `java.time.Duration` does: days, hours, minutes and seconds with fraction, each with a sign of its
 * own; no years, months or weeks, and no blanks. Undefined: it is none. In ms, fractions cut off towards zero.
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const [, sign, days, time, hours, minutes, secondsSign, seconds, fraction = ''] = match
  const hasPart = [days, hours, minutes, seconds].some((part) => part !== undefined)
  // `P` alone is none, and neither is a `T` with nothing behind it.
  if (!hasPart || time?.toUpperCase() === 'T') return undefined
  const secondsMs =
    (Number(seconds ?? 0) * SECOND_MS + Number(fraction.slice(0, 3).padEnd(3, '0'))) *
    (secondsSign === '-' ? -1 : 1)
  const ms =
    Number(days ?? 0) * DAY_MS + Number(hours ?? 0) * HOUR_MS + Number(minutes ?? 0) * MINUTE_MS + secondsMs
  return ms === 0 ? 0 : ms * (sign === '-' ? -1 : 1)
}

/** How long a token lives: so many ms, or for ever; or why it cannot be issued. */
export type Life =
  | { readonly ok: true; readonly ms: number | undefined }
  | { readonly ok: false; readonly problem: string }

/**
 * The life of a token for which `lifespan` was asked, under a time to live of `ttlMs` (undefined: for ever), which caps
 * it.
 *
 * Knox answers 200 with a token that is dead, or with one of another life than asked, when the text cannot be read, is
 * zero or negative, and fails on one that is too long; here nothing is issued.
 */
export function lifeOf(lifespan: string | undefined, ttlMs: number | undefined): Life {
  if (lifespan === undefined || lifespan === '') return { ok: true, ms: ttlMs }
  const ms = parseDuration(lifespan)
  if (ms === undefined) {
    return {
      ok: false,
      problem: `Invalid lifespan "${shorten(lifespan)}": an ISO 8601 duration such as P1DT2H is needed`,
    }
  }
  if (ms <= 0) return { ok: false, problem: `Invalid lifespan "${lifespan}": it must be longer than zero` }
  if (ms > LIFE_MAX_MS) return { ok: false, problem: `Invalid lifespan "${lifespan}": it is too long` }
  return { ok: true, ms: ttlMs === undefined ? ms : Math.min(ms, ttlMs) }
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

/** What `expires_in` of a key says: whole seconds of life; undefined: it never expires. */
export function expiresInSeconds(issuedAt: Instant, expiresAt: Instant | undefined): number | undefined {
  return expiresAt === undefined ? undefined : Math.trunc((expiresAt - issuedAt) / SECOND_MS)
}

/** A length of life as people read it: `1 minutes 14 seconds`, or `Unlimited lifetime`. */
export function printLifetime(ms: number | undefined): string {
  if (ms === undefined) return 'Unlimited lifetime'
  const parts: [number, string][] = [
    [Math.trunc(ms / DAY_MS), 'days '],
    [Math.trunc((ms % DAY_MS) / HOUR_MS), 'hours '],
    [Math.trunc((ms % HOUR_MS) / MINUTE_MS), 'minutes '],
    [Math.trunc((ms % MINUTE_MS) / SECOND_MS), 'seconds'],
  ]
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join('')
}
