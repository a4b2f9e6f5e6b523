import type { UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { column, fingerprintOfBytes } from './column.ts'
import type { Row } from './connection.ts'

/** Changes that are kept for nodes that did not hear of them yet; one that fell behind further forgets all it remembers. */
export const CHANGES_KEPT = 10_000

/** Changes of each kind, numbered or not, that are read at once; when there are more, everything may have changed. */
const READ_MAX = CHANGES_KEPT + 1

/**
 * The position, the changes from number `$1` on, and those without a number, all in one snapshot: whatever was committed
 * before this was sent is in its answer. The change numbered `$1` itself is only to be recognized.
 */
export const NEWS = `SELECT last_sequence, NULL::uuid, NULL::uuid, 'position', NULL::bytea[], NULL FROM change_position
  UNION ALL (SELECT sequence, uid, writer, kind, CASE WHEN sequence > $1 THEN fingerprints END, subject FROM changes
    WHERE sequence >= $1 ORDER BY sequence LIMIT ${READ_MAX})
  UNION ALL (SELECT NULL, uid, writer, kind, fingerprints, subject FROM changes
    WHERE sequence IS NULL LIMIT ${READ_MAX})`

/** Changes of this node that are remembered until they show up; with more, they are heard of twice. */
const HERE_MAX = 10_000

/** A number behind all others. */
const NONE_YET = Number.MAX_SAFE_INTEGER

/** What is new in an answer. */
export type News = {
  readonly heard: readonly StoreChange[]
  /** Whether changes are without a number that were so before: nobody seems to give them one. */
  readonly needsNumbers: boolean
}

/** What one node heard so far: tells what is new in the answers to `NEWS`, and when it cannot tell. */
export class ChangeHistory {
  #last: number | undefined
  /** Which change has the number `#last`, when it was read: after a history that was undone it may be another one. */
  #lastUid: string | undefined
  /** What was heard of without a number. It comes again, with one or without, in the next answer. */
  #heardEarly: ReadonlySet<string> = new Set()

  /** Changes of this node, which heard of them when they were made. */
  readonly #heardHere = new Set<string>()

  /** From which number on to read. */
  get from(): number {
    return this.#last ?? NONE_YET
  }

  /** The last number that was heard of; 0 when there is none. */
  get last(): number {
    return this.#last ?? 0
  }

  /** This node knows of these changes, which are stored: they are no news when they show up. */
  heardHere(uids: readonly string[]): void {
    if (this.#heardHere.size + uids.length > HERE_MAX) this.#heardHere.clear()
    for (const uid of uids) this.#heardHere.add(uid)
  }

  /** `rows`: of `NEWS`, read from `from` on. */
  read(rows: readonly Row[]): News {
    const position = Number(rows.find((row) => row[3] === 'position')?.[0])
    const changes = rows.filter((row) => row[3] !== 'position')
    const numbered = changes
      .filter((row) => row[0] !== null)
      .sort((one, other) => sequenceOf(one) - sequenceOf(other))
    const early = changes.filter((row) => row[0] === null)
    const isComplete = this.#follows(numbered, position) && early.length < READ_MAX
    const before = this.#heardEarly
    this.#heardEarly = new Set(early.map(uidOf))
    const needsNumbers = early.some((row) => before.has(uidOf(row)))
    const old = this.#last
    const latest = isComplete ? numbered.at(-1) : undefined
    this.#last = latest === undefined ? position : sequenceOf(latest)
    this.#lastUid = latest && uidOf(latest)
    if (!isComplete) return { heard: [EVERYTHING], needsNumbers }
    const later = numbered.filter((row) => sequenceOf(row) !== old)
    const news = [...later, ...early].filter((row) => this.#isNews(row, before))
    return { heard: news.map(changeIn), needsNumbers }
  }

  #isNews(row: Row, before: ReadonlySet<string>): boolean {
    const uid = uidOf(row)
    // Those of this node come once more, with a number, if they have none yet.
    return !this.#heardHere.delete(uid) && !before.has(uid)
  }

  /** Whether nothing can be missing between what was heard before and these. */
  #follows(numbered: readonly Row[], position: number): boolean {
    const last = this.#last
    if (last === undefined || position < last || numbered.length >= READ_MAX) return false
    if (last === 0) return (numbered[0] === undefined ? 0 : sequenceOf(numbered[0]) - 1) === 0
    const [anchor] = numbered
    if (anchor === undefined || sequenceOf(anchor) !== last) return false
    return this.#lastUid === undefined || uidOf(anchor) === this.#lastUid
  }
}

const EVERYTHING: StoreChange = { kind: 'everything' }

function sequenceOf(row: Row): number {
  return column<number>(row, 0)
}

function uidOf(row: Row): string {
  return column<string>(row, 1)
}

/** A kind that a later release knows may concern anything. */
function changeIn(row: Row): StoreChange {
  const kind = column<StoreChange['kind']>(row, 3)
  switch (kind) {
    case 'keys':
    case 'sessions':
      return { kind, fingerprints: fingerprintsIn(row) }
    case 'owner':
      return { kind, owner: column<UserId>(row, 5) }
    case 'lease':
      return { kind, keyUid: column<string>(row, 5) }
    case 'access':
      return { kind }
    default:
      return { kind: 'everything' }
  }
}

function fingerprintsIn(row: Row): readonly Fingerprint[] {
  return (column<readonly Uint8Array[] | null>(row, 4) ?? []).map(fingerprintOfBytes)
}
