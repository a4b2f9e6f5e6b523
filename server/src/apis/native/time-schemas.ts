import { z } from 'zod'
import { INSTANT_MAX, type Instant } from '../../core/record.ts'

/** What is said of a text that is no point in time. */
export const INSTANT_EXPECTED =
  'must be milliseconds since 1970, or a date and time such as "2030-01-31T12:00:00Z"'

/** A point in time as clients write it: ms since the epoch, or an ISO 8601 date and time with its offset. */
export const instant = z
  .union([z.int().min(0).max(INSTANT_MAX), z.iso.datetime({ offset: true, error: INSTANT_EXPECTED })], {
    error: INSTANT_EXPECTED,
  })
  .transform((given): Instant => (typeof given === 'number' ? given : Date.parse(given)))
  .refine((at) => at >= 0 && at <= INSTANT_MAX, { error: 'must be a point in time since 1970' })
  .meta({
    description: 'Milliseconds since 1970, or ISO 8601 with an offset, such as `2030-01-31T12:00:00Z`.',
  })

const DURATION =
  /^P(?=\d|T\d)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/

const DURATION_EXPECTED =
  'must be milliseconds, or an ISO 8601 duration such as "P30D" or "PT5M", without months and years'

/** Weeks, days, hours, minutes, seconds, in ms. */
const UNITS_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000] as const

/**
 * A length of time as clients write it: ms, or an ISO 8601 duration of weeks, days, hours, minutes and seconds. Months
 * and years are refused, because they have no length of their own.
 */
export const duration = z
  .union(
    [
      z.int().min(0).max(INSTANT_MAX),
      z.string().regex(DURATION, { error: DURATION_EXPECTED }).meta({ format: 'duration' }),
    ],
    {
      error: DURATION_EXPECTED,
    },
  )
  .transform((given): number => (typeof given === 'number' ? given : parseDuration(given)))
  .refine((ms) => ms <= INSTANT_MAX, { error: 'must be shorter' })
  .meta({ description: 'Milliseconds, or ISO 8601 without months and years, such as `P30D` or `PT5M`.' })

function parseDuration(text: string): number {
  const parts = DURATION.exec(text)?.slice(1) ?? []
  return UNITS_MS.reduce((sum, unit, index) => sum + Number(parts[index] ?? 0) * unit, 0)
}

const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/

const TIME_EXPECTED = 'must be a time of day such as "09:30", or minutes since midnight'

/** A time of day as clients write it, in minutes since midnight: those, or `09:30`. */
export const timeOfDay = z
  .union([z.int().min(0).max(1_440), z.string().regex(TIME_OF_DAY, { error: TIME_EXPECTED })], {
    error: TIME_EXPECTED,
  })
  .transform((given): number => (typeof given === 'number' ? given : parseTimeOfDay(given)))
  .meta({ description: 'Time of day such as `09:30`, or minutes since midnight.' })

function parseTimeOfDay(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}

/** Minutes since midnight as a time of day. */
export function printTimeOfDay(minutes: number): string {
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** A point in time as it is answered. */
export const instantOut = z.int().meta({ description: 'Milliseconds since 1970.' })

/** A length of time as it is answered. */
export const durationOut = z.int().min(0).meta({ description: 'Milliseconds.' })
