import type { KeyId } from '../ids.ts'
import type { KeyUses } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'

/**
 * Counts of use in memory, of so many keys: one row of numbers for each, all in one array, since there may be one for
 * every key in use and each use changes one.
 */
export interface UseTable {
  /** Keys that are in it. */
  readonly size: number
  accepted(id: KeyId, now: Instant, place?: UsesPlace): void
  refused(id: KeyId, now: Instant): void
  /** The last accepted use that is in it. */
  lastUsedAt(id: KeyId): Instant | undefined
  /** Takes the keys out that are in it longest, until one is not due or there are `max`. */
  take(max: number, isDue: (since: Instant) => boolean): readonly KeyUses[]
  /** Takes these keys out, as far as they are in it. */
  takeKeys(ids: readonly KeyId[]): readonly KeyUses[]
  has(id: KeyId): boolean
  /** Adds again what was taken out. */
  putBack(taken: KeyUses): void
}

/** Where the uses of a key were counted last; -1: nowhere yet. What stands there is checked, and so may be out of date. */
export type UsesPlace = { usesAt: number }

/** Counts that are not those of the day of the first use, as when midnight comes between two writes. */
type OtherDays = { day: number; readonly before: Map<number, DayCount> }
type DayCount = { readonly accepted: number; readonly refused: number }

const DAY_MS = 86_400_000

/** What a row holds: the first use, the last accepted one (NaN: none), and the counts of one day. */
const SINCE = 0
const LAST_USED_AT = 1
const ACCEPTED = 2
const REFUSED = 3
const ROW = 4

/** Rows that there is room for at first. */
const ROWS_AT_FIRST = 1_024
const NO_ROW = -1

/** An empty table. Uses of more keys than `keysMax` are left out. */
export function createUseTable(keysMax: number): UseTable {
  let rows = new Float64Array(ROW * ROWS_AT_FIRST)
  /** By row; undefined: it is free. */
  const ids: (KeyId | undefined)[] = []
  const freeRows: number[] = []
  /** Oldest first. */
  const rowOf = new Map<KeyId, number>()
  const otherDays = new Map<number, OtherDays>()
  let [dayStart, dayEnd] = [Number.NaN, Number.NaN]

  const numberAt = (row: number, member: number): number => rows[row * ROW + member] ?? 0
  const add = (row: number, member: number, count: number): void => {
    rows[row * ROW + member] = numberAt(row, member) + count
  }

  const open = (id: KeyId, since: Instant): number => {
    if (rowOf.size >= keysMax) return NO_ROW
    const row = freeRows.pop() ?? ids.length
    if (row * ROW >= rows.length) {
      const more = new Float64Array(2 * rows.length)
      more.set(rows)
      rows = more
    }
    ids[row] = id
    rowOf.set(id, row)
    rows.set([since, Number.NaN, 0, 0], row * ROW)
    return row
  }

  const dayOf = (row: number): number => otherDays.get(row)?.day ?? Math.floor(numberAt(row, SINCE) / DAY_MS)

  /** Has the row count another day. */
  const turnTo = (row: number, day: number): void => {
    const counted = dayOf(row)
    if (counted === day) return
    const others = otherDays.get(row) ?? { day, before: new Map() }
    const [accepted, refused] = [numberAt(row, ACCEPTED), numberAt(row, REFUSED)]
    if (accepted + refused > 0) others.before.set(counted, { accepted, refused })
    const known = others.before.get(day)
    others.before.delete(day)
    others.day = day
    rows[row * ROW + ACCEPTED] = known?.accepted ?? 0
    rows[row * ROW + REFUSED] = known?.refused ?? 0
    otherDays.set(row, others)
  }

  /** Whether an instant is within the day that uses came on last. */
  const isOfDay = (at: Instant): boolean => at >= dayStart && at < dayEnd

  /** The row of a key, which counts the day of `now`. */
  const rowFor = (id: KeyId, now: Instant, place?: UsesPlace): number => {
    let row = place?.usesAt ?? NO_ROW
    if (row < 0 || ids[row] !== id) {
      row = rowOf.get(id) ?? open(id, now)
      if (row === NO_ROW) return row
      if (place !== undefined) place.usesAt = row
    }
    if (!isOfDay(now)) {
      dayStart = Math.floor(now / DAY_MS) * DAY_MS
      dayEnd = dayStart + DAY_MS
    }
    if (otherDays.size > 0 || !isOfDay(numberAt(row, SINCE))) turnTo(row, Math.floor(now / DAY_MS))
    return row
  }

  /** Moves the first use of a row back; its counts stay those of the day they are of. */
  const startEarlier = (row: number, since: Instant): void => {
    if (since >= numberAt(row, SINCE)) return
    const day = dayOf(row)
    rows[row * ROW + SINCE] = since
    if (dayOf(row) !== day) otherDays.set(row, { day, before: new Map() })
  }

  const close = (id: KeyId, row: number): KeyUses => {
    const lastUsedAt = numberAt(row, LAST_USED_AT)
    const today = { accepted: numberAt(row, ACCEPTED), refused: numberAt(row, REFUSED) }
    const days = new Map(otherDays.get(row)?.before).set(dayOf(row), today)
    const taken = {
      id,
      since: numberAt(row, SINCE),
      days,
      ...(!Number.isNaN(lastUsedAt) && { lastUsedAt }),
    }
    otherDays.delete(row)
    rowOf.delete(id)
    ids[row] = undefined
    freeRows.push(row)
    return taken
  }

  const use = (row: number, at: Instant): void => {
    if (!(numberAt(row, LAST_USED_AT) >= at)) rows[row * ROW + LAST_USED_AT] = at
  }

  return {
    get size() {
      return rowOf.size
    },
    accepted(id, now, place) {
      const row = rowFor(id, now, place)
      if (row === NO_ROW) return
      add(row, ACCEPTED, 1)
      use(row, now)
    },
    refused(id, now) {
      const row = rowFor(id, now)
      if (row !== NO_ROW) add(row, REFUSED, 1)
    },
    lastUsedAt(id) {
      const row = rowOf.get(id)
      const at = row === undefined ? Number.NaN : numberAt(row, LAST_USED_AT)
      return Number.isNaN(at) ? undefined : at
    },
    take(max, isDue) {
      const taken: KeyUses[] = []
      for (const [id, row] of rowOf) {
        if (taken.length >= max || !isDue(numberAt(row, SINCE))) break
        taken.push(close(id, row))
      }
      return taken
    },
    takeKeys(ids) {
      return ids.flatMap((id) => {
        const row = rowOf.get(id)
        return row === undefined ? [] : [close(id, row)]
      })
    },
    has: (id) => rowOf.has(id),
    putBack({ id, since, days, lastUsedAt }) {
      const row = rowOf.get(id) ?? open(id, since)
      if (row === NO_ROW) return
      startEarlier(row, since)
      for (const [day, { accepted, refused }] of days) {
        turnTo(row, day)
        add(row, ACCEPTED, accepted)
        add(row, REFUSED, refused)
      }
      if (lastUsedAt !== undefined) use(row, lastUsedAt)
    },
  }
}
