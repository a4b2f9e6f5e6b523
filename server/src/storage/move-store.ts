import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DomainError } from '../core/errors.ts'
import type { Fingerprint } from '../core/keys/fingerprint.ts'
import type { Storage } from '../core/ports/storage.ts'
import { MOVE_BATCH, type MoveSource, type MoveTarget } from './move-side.ts'
import { compareRows, MOVE_TABLES, type MoveRow, type MoveTable, type MoveTableName } from './move-tables.ts'
import { openStorage } from './open-storage.ts'

/** Keys whose secrets are looked up in the target as a verification does. */
const SAMPLES = 1_000

/** What to move, and how. */
export type MoveRequest = {
  readonly from: string
  readonly to: string
  /** The last pass: nobody can change the source meanwhile, and the target may be used afterwards. */
  readonly finish: boolean
  /** Compares and changes nothing. */
  readonly dryRun: boolean
  /** Told of each table as soon as it is equal. */
  readonly onTable?: (counts: MoveCounts) => void
}

/** What became of one table. */
export type MoveCounts = {
  readonly table: MoveTableName
  /** In the source, at the moment that the pass is of. */
  readonly rows: number
  readonly added: number
  /** Rows that were there and differ, or are gone from the source. */
  readonly removed: number
  /** SHA-256 of all rows in both stores; absent in a dry run. */
  readonly digest?: string
}

/** What one pass did; both stores are equal then. */
export type MoveReport = { readonly tables: readonly MoveCounts[]; readonly samples: number }

/**
 * Makes the target equal to what the source is at one moment, and checks that it is: by the number and a digest of the rows
 * of each table, and by looking up keys. Running it again copies what changed since; one that was interrupted goes on.
 *
 * @throws {DomainError} `storage.unavailable`: a store cannot be opened, or the target holds something else.
 */
export async function moveStore(request: MoveRequest): Promise<MoveReport> {
  const { from, to, finish, dryRun } = request
  const [fromDriver, toDriver] = [driverOf(from), driverOf(to)]
  if (fromDriver === toDriver) throw refused('both are of one kind: make a back-up and restore it instead')
  if (fromDriver === 'postgres') {
    // A store of another version is refused before anything is changed in it.
    await (await openSource(from, false)).close()
    await numberAudit(from)
  }
  const source = await openSource(from, finish && !dryRun)
  try {
    if (dryRun) return await compare(source, to)
    const opened = await openStorage(to)
    try {
      const target = await openTarget(to)
      try {
        return await runPass({ source, target, opened, request })
      } finally {
        await target.close()
      }
    } finally {
      await opened.close()
    }
  } finally {
    await source.close()
  }
}

type Pass = {
  readonly source: MoveSource
  readonly target: MoveTarget
  /** The target as a server sees it. */
  readonly opened: Storage
  readonly request: MoveRequest
}

async function runPass(pass: Pass): Promise<MoveReport> {
  const { source, target, opened, request } = pass
  const { finish, onTable } = request
  await requireOurs(source, target)
  await target.writeState({ from: source.identity, state: 'copying' })
  for (const table of ['keys', 'revoked_keys'] as const) {
    for await (const uids of source.uidsInOrder(table)) await target.learnOrder(table, uids)
  }
  const removed = new Map<MoveTableName, number>()
  for (const table of MOVE_TABLES.toReversed()) removed.set(table.name, await removeStale(pass, table))
  const tables: MoveCounts[] = []
  for (const table of MOVE_TABLES) {
    const added = await addMissing(pass, table)
    const counts = { table: table.name, added, removed: removed.get(table.name) ?? 0 }
    tables.push({ ...counts, ...(await verify(pass, table)) })
    onTable?.(tables.at(-1) as MoveCounts)
  }
  await target.settle()
  const samples = await sampleKeys(source, opened)
  if (finish) await target.writeState({ from: source.identity, state: 'finished' })
  return { tables, samples }
}

/** @throws {DomainError} `storage.unavailable`: the target is not empty, and not of an earlier pass of this move. */
async function requireOurs(source: MoveSource, target: MoveTarget): Promise<void> {
  const state = await target.readState()
  if (state?.state === 'finished') throw refused('the target was finished already, and may be in use since')
  if (state !== undefined && state.from !== source.identity) {
    throw refused('the target holds an unfinished move from another store')
  }
  if (state !== undefined) return
  for (const table of MOVE_TABLES) {
    // A new store has its one row of these.
    if (table.name === 'access_revision') continue
    const count = await target.count(table)
    if (count > 0) throw refused(`the target is not empty: it has ${count} rows in "${table.name}"`)
  }
}

/** Two sorted runs of rows, side by side: with `one` and without `other` what only the first has, and so on. */
async function* sideBySide(
  table: MoveTable,
  ones: AsyncIterable<readonly MoveRow[]>,
  others: AsyncIterable<readonly MoveRow[]>,
): AsyncGenerator<{ readonly one?: MoveRow; readonly other?: MoveRow }> {
  const [left, right] = [rowByRow(ones), rowByRow(others)]
  let one = (await left.next()).value
  let other = (await right.next()).value
  while (one !== undefined || other !== undefined) {
    const order = one === undefined ? 1 : other === undefined ? -1 : compareRows(table, one, other)
    yield {
      ...(order <= 0 && one !== undefined && { one }),
      ...(order >= 0 && other !== undefined && { other }),
    }
    if (order <= 0) one = (await left.next()).value
    if (order >= 0) other = (await right.next()).value
  }
}

async function* rowByRow(batches: AsyncIterable<readonly MoveRow[]>): AsyncGenerator<MoveRow, undefined> {
  for await (const rows of batches) yield* rows
  return undefined
}

function areEqual(one: MoveRow, other: MoveRow): boolean {
  return one.every((value, at) => value === other[at])
}

/** Removes what the source does not have, or has otherwise, so that nothing stands in the way of what is added. */
async function removeStale({ source, target }: Pass, table: MoveTable): Promise<number> {
  let removed = 0
  let batch: MoveRow[] = []
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await target.remove(table, batch)
    removed += batch.length
    batch = []
  }
  const rows = sideBySide(table, source.scan(table, 'by key'), target.scan(table, 'by key'))
  for await (const { one, other } of rows) {
    if (other === undefined || (one !== undefined && areEqual(one, other))) continue
    if (table.isAppendOnly) throw refused(`the target has rows in "${table.name}" that the source has not`)
    batch.push(other)
    if (batch.length === MOVE_BATCH) await flush()
  }
  await flush()
  return removed
}

async function addMissing({ source, target }: Pass, table: MoveTable): Promise<number> {
  let added = 0
  let batch: MoveRow[] = []
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await target.insert(table, batch, await source.extras(table.name, batch))
    added += batch.length
    batch = []
  }
  const rows = sideBySide(table, source.scan(table, 'by key'), target.scan(table, 'by key'))
  for await (const { one, other } of rows) {
    if (one === undefined || other !== undefined) continue
    batch.push(one)
    if (batch.length === MOVE_BATCH) await flush()
  }
  await flush()
  return added
}

/** Reads both stores once more, keys in the order of their owners' listings. @throws {Error} when they differ. */
async function verify({ source, target }: Pass, table: MoveTable): Promise<{ rows: number; digest: string }> {
  const order = table.isListed ? 'as listed' : 'by key'
  const [wanted, found] = await Promise.all([
    digestOf(source.scan(table, order)),
    digestOf(target.scan(table, order)),
  ])
  if (wanted.rows !== found.rows || wanted.digest !== found.digest) {
    throw refused(
      `"${table.name}" differs after it was copied: ${wanted.rows} rows in the source and ${found.rows} in the target; is something else using the target?`,
    )
  }
  return found
}

async function digestOf(
  batches: AsyncIterable<readonly MoveRow[]>,
): Promise<{ rows: number; digest: string }> {
  const hash = createHash('sha256')
  let count = 0
  for await (const rows of batches) {
    count += rows.length
    for (const row of rows) hash.update(`${JSON.stringify(row)}\n`)
  }
  return { rows: count, digest: hash.digest('hex') }
}

/** Looks up keys in the target as a verification does. @throws {Error} when one is not what it is in the source. */
async function sampleKeys(source: MoveSource, opened: Storage): Promise<number> {
  let samples = 0
  for (const name of ['keys', 'revoked_keys'] as const) {
    const table: MoveTable | undefined = MOVE_TABLES.find((each) => each.name === name)
    if (table === undefined) continue
    const columns = table.columns.map(([column]) => column)
    const [fingerprintAt, idAt] = [columns.indexOf('fingerprint'), columns.indexOf('id')]
    const every = Math.ceil((await source.count(table)) / SAMPLES)
    let place = 0
    for await (const row of rowByRow(source.scan(table, 'by key'))) {
      place += 1
      if (place % every !== 0) continue
      const found = await opened.keys.lookUp(row[fingerprintAt] as Fingerprint)
      // A secret of a revoked key leads to that key, unless it was restored and revoked anew under another name.
      const isRevoked = found?.revocation !== undefined
      if (found === undefined || (name === 'keys' && (isRevoked || found.key.id !== row[idAt]))) {
        throw refused(`the key "${String(row[idAt])}" is not found in the target by its secret`)
      }
      samples += 1
    }
  }
  return samples
}

async function compare(source: MoveSource, to: string): Promise<MoveReport> {
  if (driverOf(to) === 'sqlite' && !existsSync(pathOf(to))) return countOnly(source)
  const target = await openTarget(to)
  try {
    if (!(await target.hasSchema())) return await countOnly(source)
    await requireOurs(source, target)
    return await compareAll(source, target)
  } finally {
    await target.close()
  }
}

async function compareAll(source: MoveSource, target: MoveTarget): Promise<MoveReport> {
  const tables: MoveCounts[] = []
  for (const table of MOVE_TABLES) {
    const counts = { rows: 0, added: 0, removed: 0 }
    const rows = sideBySide(table, source.scan(table, 'by key'), target.scan(table, 'by key'))
    for await (const { one, other } of rows) {
      const differ = one === undefined || other === undefined || !areEqual(one, other)
      if (one !== undefined) counts.rows += 1
      if (one !== undefined && differ) counts.added += 1
      if (other !== undefined && differ) counts.removed += 1
    }
    tables.push({ table: table.name, ...counts })
  }
  return { tables, samples: 0 }
}

async function countOnly(source: MoveSource): Promise<MoveReport> {
  const tables: MoveCounts[] = []
  for (const table of MOVE_TABLES) {
    const rows = await source.count(table)
    tables.push({ table: table.name, rows, added: rows, removed: 0 })
  }
  return { tables, samples: 0 }
}

/** Events without a number have no place in the trail yet. */
async function numberAudit(url: string): Promise<void> {
  const storage = await openStorage(url)
  try {
    for (;;) {
      const { unnumbered, lastSequence } = await storage.audit.findTrail()
      if (unnumbered === 0) return
      await storage.audit.list(lastSequence, MOVE_BATCH)
    }
  } finally {
    await storage.close()
  }
}

async function openSource(url: string, isLast: boolean): Promise<MoveSource> {
  if (driverOf(url) === 'sqlite') {
    const { openSqliteSource } = await import('./sqlite/move-sqlite.ts')
    return openSqliteSource(pathOf(url), isLast)
  }
  const { openPostgresSource } = await import('./postgres/move-postgres.ts')
  return openPostgresSource(url, isLast)
}

async function openTarget(url: string): Promise<MoveTarget> {
  if (driverOf(url) === 'sqlite') {
    const { openSqliteTarget } = await import('./sqlite/move-sqlite.ts')
    return openSqliteTarget(pathOf(url))
  }
  const { openPostgresTarget } = await import('./postgres/move-postgres.ts')
  return openPostgresTarget(url)
}

function driverOf(url: string): 'sqlite' | 'postgres' {
  if (url.startsWith('sqlite:') && pathOf(url) !== ':memory:' && pathOf(url) !== '') return 'sqlite'
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgres'
  throw refused('a store is named as in "sqlite:PATH" or "postgres://USER@HOST/DATABASE"')
}

function pathOf(url: string): string {
  return url.slice('sqlite:'.length)
}

function refused(why: string): DomainError {
  return new DomainError('storage.unavailable', `Cannot move: ${why}`)
}
