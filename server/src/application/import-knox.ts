import { existsSync } from 'node:fs'
import type { Origin } from '../core/audit/audit-event.ts'
import { DomainError } from '../core/errors.ts'
import type { ImportCounts, LegacyToken } from '../core/key-authority.ts'
import { NAME_TRUSTS, type NameTrust } from '../core/keys/api-key.ts'
import { isLegacyAlgorithm } from '../core/keys/legacy-mac.ts'
import { Secret } from '../core/keys/secret.ts'
import { type KnoxRow, type LeftOut, readKnoxRow } from '../imports/knox/knox-row.ts'
import type { KnoxSource } from '../imports/knox/knox-source.ts'
import { KNOX_SOURCES, openKnoxSource } from '../imports/knox/open-knox-source.ts'
import type { Settings } from '../settings/settings.ts'
import { systemClock } from '../system/system-clock.ts'
import { storageUrlOf } from './core-settings-of.ts'
import type { Log } from './log.ts'
import { openAuthority } from './open-authority.ts'
import { StartError } from './start-error.ts'

export { KNOX_SOURCES, NAME_TRUSTS, type NameTrust }

/** What to move in, and how. */
export type KnoxImport = {
  /** One of the forms of `KNOX_SOURCES`. */
  readonly source: string
  /** Text of Knox's alias `knox.token.hash.key`. */
  readonly hashKey: string
  /** Name of the MAC in Java. */
  readonly algorithm: string
  /** Which users of this server the owners may be. */
  readonly ownerTrust: NameTrust
  /** Reads and counts; changes nothing. */
  readonly dryRun: boolean
  readonly includeExpired: boolean
  /** Told after every batch how many rows of how many were read. */
  readonly onProgress: (read: number, total: number) => void
}

/** What became of the rows. */
export type ImportReport = {
  readonly read: number
  readonly tokens: ImportCounts
  readonly leftOut: Readonly<Record<LeftOut, number>>
  /** Ids of rows that are incomplete or unusable, the first `IDS_SHOWN_MAX` of them. */
  readonly strange: readonly string[]
}

export const IDS_SHOWN_MAX = 20

/**
 * Moves the tokens of a Knox gateway into the store that the settings name; a server may be using it meanwhile. Stored in
 * batches, each wholly or not at all, so that it can be interrupted and run again at any time.
 *
 * @throws {StartError} a database cannot be read or the store not be opened; it says which, and why.
 */
export async function importKnox(settings: Settings, log: Log, request: KnoxImport): Promise<ImportReport> {
  if (!isLegacyAlgorithm(request.algorithm)) {
    throw new StartError(`Cannot import from Knox: the MAC "${request.algorithm}" is not known`)
  }
  if (request.hashKey === '') throw new StartError('Cannot import from Knox: the hash key is empty')
  const source = await orStartError(() => openKnoxSource(request.source))
  try {
    const { authority, randomness, close } = await openAuthority(storeFor(settings, request), log)
    try {
      const origin: Origin = { carrier: 'cli', requestId: randomness.uuid(), local: true }
      const how = { ...request, hashKey: new Secret(request.hashKey) }
      return await orStartError(() =>
        importAll(source, request, (tokens) => authority.managedTokens.importTokens(tokens, how, origin)),
      )
    } finally {
      await close()
    }
  } finally {
    await source.close()
  }
}

type Store = (tokens: readonly LegacyToken[]) => Promise<ImportCounts>

async function importAll(source: KnoxSource, request: KnoxImport, store: Store): Promise<ImportReport> {
  const rules = { now: systemClock.now(), includeExpired: request.includeExpired }
  const total = await source.count()
  const tokens = { imported: 0, corrected: 0, present: 0, ended: 0 }
  const leftOut = { cookie: 0, expired: 0, incomplete: 0, unusable: 0 }
  const strange: string[] = []
  let read = 0
  for await (const rows of source.batches()) {
    const found = rows.map((row) => ({ row, token: readKnoxRow(row, rules) }))
    const counts = await store(found.flatMap(({ token }) => (typeof token === 'string' ? [] : [token])))
    tokens.imported += counts.imported
    tokens.corrected += counts.corrected
    tokens.present += counts.present
    tokens.ended += counts.ended
    for (const { row, token } of found) {
      if (typeof token !== 'string') continue
      leftOut[token] += 1
      if (isStrange(token) && strange.length < IDS_SHOWN_MAX) strange.push(shownId(row))
    }
    read += rows.length
    request.onProgress(read, total)
  }
  return { read, tokens, leftOut, strange }
}

function isStrange(reason: LeftOut): boolean {
  return reason === 'incomplete' || reason === 'unusable'
}

function shownId({ id }: KnoxRow): string {
  return JSON.stringify(id.slice(0, 64)).slice(1, -1)
}

/** A dry run does not even create a store that is not there. */
function storeFor(settings: Settings, { dryRun }: KnoxImport): Settings {
  const url = storageUrlOf(settings)
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined
  const isMissing = path !== undefined && path !== ':memory:' && !existsSync(path)
  return dryRun && isMissing ? { ...settings, storage: () => 'sqlite::memory:' } : settings
}

async function orStartError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StartError) throw error
    const isExpected = error instanceof DomainError || !(error instanceof TypeError)
    if (!(error instanceof Error) || !isExpected) throw error
    throw new StartError(`Cannot import from Knox: ${whyOf(error)}`, { cause: error })
  }
}

/** Errors of connections that were tried at several addresses hide what they are about. */
function whyOf(error: Error): string {
  if (error.message !== '') return error.message
  const [first] = error instanceof AggregateError ? error.errors : []
  return first instanceof Error ? first.message : error.name
}
