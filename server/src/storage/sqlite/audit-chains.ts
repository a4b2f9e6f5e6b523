import { hashChainedEvent, NO_PREVIOUS } from '../../core/audit/audit-chain.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { AuditStore, AuditTrail, ChainLink, NumberedEvent } from '../../core/ports/audit-store.ts'
import { chainedEventFromRow } from '../audit-row.ts'
import { AUDIT_COLUMNS } from './audit-columns.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'

/** Events of before there was a chain that one change seals. */
const SEALED_AT_ONCE = 200

/** Such changes of one call. */
const SEALINGS_PER_CALL_MAX = 10

/** SQL of chains, for the test that asks SQLite how it answers it. */
export const AUDIT_CHAIN_LOOKUPS = {
  links: `SELECT sequence, ${AUDIT_COLUMNS}, hash FROM audit_events
    WHERE sequence BETWEEN ? AND ? AND hash IS NOT NULL ORDER BY sequence LIMIT ?`,
  notSealed: `SELECT sequence, ${AUDIT_COLUMNS} FROM audit_events
    WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?`,
  hash: 'SELECT hash FROM audit_events WHERE sequence = ?',
  numbers: 'SELECT sequence, hash IS NOT NULL FROM audit_events WHERE sequence > ? ORDER BY sequence LIMIT ?',
} as const

/** The greatest number that was ever given, and the last hash of a chain. SQLite keeps the number in a table of few rows. */
const HEAD = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit_events'), 0),
  (SELECT hash FROM audit_events WHERE sequence >= ? AND hash IS NOT NULL ORDER BY sequence DESC LIMIT 1)`

const CHAINS =
  'SELECT first_sequence, last_sequence, sealed_to, chain, began_at FROM audit_chains ORDER BY first_sequence'

type Chain = {
  readonly first: number
  /** Absent: it goes on. */
  readonly last: number | undefined
  /** Of the chain of what was there before: how far it got. */
  readonly sealedTo: number | undefined
  readonly chain: string
  readonly beganAt: number
}

function chainFromRow(row: Row): Chain {
  return {
    first: column<number>(row, 0),
    last: column<number | null>(row, 1) ?? undefined,
    sealedTo: column<number | null>(row, 2) ?? undefined,
    chain: column<string>(row, 3),
    beganAt: column<number>(row, 4),
  }
}

/** Gives the next event its number and hash, inside the transaction that stores it. */
export function prepareChain(
  database: SqliteDatabase,
): (
  event: AuditEvent,
  detailsText: string | null,
) => { readonly sequence: number; readonly hash: Uint8Array } {
  const chains = database.statement(CHAINS)
  const readHead = database.statement(HEAD)
  let current: Chain | undefined
  let head = { breaks: Number.NaN, sequence: 0, hash: NO_PREVIOUS }

  /** Of the transaction: asked for once in each, and again when some of it was undone. */
  const headOf = (first: number): typeof head => {
    if (head.breaks === database.breaks) return head
    const row = readHead.get(first) ?? []
    // The greatest number ever given, so that a tail that was cut off leaves a gap.
    const sequence = Math.max(column<number>(row, 0), first - 1)
    return { breaks: database.breaks, sequence, hash: hexOf(row[1]) ?? NO_PREVIOUS }
  }

  return (event, detailsText) => {
    current ??= chains.all().map(chainFromRow).at(-1)
    if (current === undefined) throw new Error('Cannot store audit events: the store has no chain for them')
    const { first, chain } = current
    const { breaks, sequence: last, hash: previous } = headOf(first)
    const sequence = last + 1
    const chained = { ...event, sequence, detailsText: detailsText ?? undefined }
    const hash = hashChainedEvent(chained, { chain, position: sequence - first + 1, previous })
    head = { breaks, sequence, hash }
    return { sequence, hash: Buffer.from(hash, 'hex') }
  }
}

/** The part of the audit store that chains are read by, and that chains what was there before there was a chain. */
export function createAuditChains(
  database: SqliteDatabase,
): Pick<AuditStore, 'seal' | 'listLinks' | 'listNumbers' | 'findTrail'> {
  const readChains = database.statement(CHAINS)
  const links = database.statement(AUDIT_CHAIN_LOOKUPS.links)
  const numbers = database.statement(AUDIT_CHAIN_LOOKUPS.numbers)
  const head = database.statement(HEAD)
  const sealNext = prepareSealing(database)
  const chains = (): readonly Chain[] => readChains.all().map(chainFromRow)
  let isAllSealed = false

  return {
    async seal() {
      if (isAllSealed) return
      for (let sealings = 0; sealings < SEALINGS_PER_CALL_MAX; sealings += 1) {
        isAllSealed = await database.change(() => sealNext(chains()))
        if (isAllSealed) return
      }
    },
    async listLinks(after, limit) {
      return database.read(() => {
        const found: ChainLink[] = []
        for (const chain of chains()) {
          const from = after === undefined ? chain.first : after.sequence + 1
          const to = chain.sealedTo ?? chain.last ?? Number.MAX_SAFE_INTEGER
          const rows = links.all(Math.max(from, chain.first), to, limit - found.length)
          found.push(...rows.map((row) => linkFromRow(row, chain)))
        }
        return found
      })
    },
    async listNumbers(afterSequence, limit) {
      return database.read(() => {
        const known = chains()
        return numbers.all(afterSequence, limit).map((row) => numberedFromRow(row, known))
      })
    },
    async findTrail(): Promise<AuditTrail> {
      return database.read(() => ({
        beganAt: chains().at(-1)?.beganAt ?? 0,
        lastSequence: column<number>(head.get(0) ?? [], 0),
        unnumbered: 0,
      }))
    },
  }
}

/** Seals some more events of before there was a chain; true when none is left. */
function prepareSealing(database: SqliteDatabase): (chains: readonly Chain[]) => boolean {
  const notSealed = database.statement(AUDIT_CHAIN_LOOKUPS.notSealed)
  const hashOf = database.statement(AUDIT_CHAIN_LOOKUPS.hash)
  const setHash = database.statement('UPDATE audit_events SET hash = ? WHERE sequence = ? AND hash IS NULL')
  const setSealedTo = database.statement('UPDATE audit_chains SET sealed_to = ? WHERE first_sequence = ?')
  return (chains) => {
    const earlier = chains.find(({ last, sealedTo }) => last !== undefined && (sealedTo ?? last) < last)
    if (earlier?.last === undefined || earlier.sealedTo === undefined) return true
    const { first, last, sealedTo, chain } = earlier
    const events = notSealed.all(sealedTo + 1, last, SEALED_AT_ONCE).map(chainedEventFromRow)
    let previous = hexOf(hashOf.get(sealedTo)?.[0]) ?? NO_PREVIOUS
    for (const event of events) {
      const position = event.sequence - first + 1
      previous = hashChainedEvent(event, { chain, position, previous })
      setHash.run(Buffer.from(previous, 'hex'), event.sequence)
    }
    setSealedTo.run(events.length < SEALED_AT_ONCE ? last : (events.at(-1)?.sequence ?? last), first)
    return events.length < SEALED_AT_ONCE
  }
}

function linkFromRow(row: Row, { chain, first, last }: Chain): ChainLink {
  const sequence = column<number>(row, 0)
  return {
    chain,
    position: sequence - first + 1,
    sequence,
    hash: hexOf(row[13]) ?? NO_PREVIOUS,
    event: chainedEventFromRow(row),
    isEarlier: last !== undefined,
  }
}

function numberedFromRow(row: Row, chains: readonly Chain[]): NumberedEvent {
  const sequence = column<number>(row, 0)
  const chain = chains.find(
    ({ first, last }) => first <= sequence && sequence <= (last ?? Number.MAX_SAFE_INTEGER),
  )
  if (chain === undefined) return { sequence, state: 'stray' }
  const isWaiting = chain.sealedTo !== undefined && sequence > chain.sealedTo
  if (isWaiting) return { sequence, state: 'waiting' }
  return { sequence, state: row[1] === 1 ? 'chained' : 'stray' }
}

function hexOf(bytes: unknown): string | undefined {
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : undefined
}
