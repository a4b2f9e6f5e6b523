import { DomainError } from '../core/errors.ts'
import type { ClusterView } from '../core/ports/cluster-nodes.ts'
import type { Storage } from '../core/ports/storage.ts'
import type { KeyLayout } from './key-layout.ts'
import { createChangeMemory, ThreadChanges } from './thread-changes.ts'

/** Limits of a storage; each has a default. */
export type StorageOptions = {
  /** Changes that may wait for their commit; more are refused with `server.overloaded`. 10,000. */
  readonly waitingChangesMax?: number
  /** How long a change, or the opening, waits for other processes that use the store, in ms. 10,000. */
  readonly lockWaitMaxMs?: number
  /** Keys that are kept in memory for verifications, about 1 KiB each. 250,000. */
  readonly keysInMemoryMax?: number
  /** Connections to PostgreSQL for changes and long reads; two more are for short reads. 8. */
  readonly connectionsMax?: number
  /** How often a node on PostgreSQL asks what others changed when nobody tells it, in ms. 100. */
  readonly pollMs?: number
  /** How long such a node trusts its memory after the last time that it was answered, in ms. 1,000. */
  readonly staleAfterMs?: number
  /** How long it goes on to answer from memory, in ms, with `serve-stale`. 60,000. */
  readonly staleMaxMs?: number
  /** What it does when PostgreSQL cannot be asked either. `refuse`. */
  readonly whenUnreachable?: 'refuse' | 'serve-stale'
  /** Most credits of a key that such a node takes at once, to spend them without asking; 0: none. 100. */
  readonly creditLeaseMax?: number
  /** How long PostgreSQL may take to count uses against rate limits before such a node counts by itself, in ms. 1,000. */
  readonly rateWaitMaxMs?: number
  /** A clock that only ever goes forward, in ms. `performance.now` */
  readonly monotonicNow?: () => number
  /** What the threads of this process share that have the same store open; see `createChangeMemory`. Its own. */
  readonly changeMemory?: SharedArrayBuffer
}

const WAITING_CHANGES_MAX = 10_000
const LOCK_WAIT_MAX_MS = 10_000
const KEYS_IN_MEMORY_MAX = 250_000
const CONNECTIONS_MAX = 8
const POLL_MS = 100
const STALE_AFTER_MS = 1_000
const STALE_MAX_MS = 60_000
const CREDIT_LEASE_MAX = 100
const RATE_WAIT_MAX_MS = 1_000

/**
 * Opens the storage that a URL names, loading only the driver it needs.
 *
 * - `sqlite:PATH`: a file, created with its folders when absent; relative to the working directory.
 * - `sqlite::memory:`: gone when closed.
 * - `postgres://USER:PASSWORD@HOST:PORT/DATABASE`: one schema of a database that several nodes share; several hosts, of
 *   which one takes changes, stand with commas between.
 *
 * @throws {DomainError} `storage.unavailable`, whose message is meant for the operator.
 */
export async function openStorage(url: string, options: StorageOptions = {}): Promise<Storage> {
  const { scheme, rest } = parseStorageUrl(url)
  const bounds = {
    waitingMax: options.waitingChangesMax ?? WAITING_CHANGES_MAX,
    lockWaitMaxMs: options.lockWaitMaxMs ?? LOCK_WAIT_MAX_MS,
    keysInMemoryMax: options.keysInMemoryMax ?? KEYS_IN_MEMORY_MAX,
  }
  if (scheme === 'postgres' || scheme === 'postgresql') {
    const { openPostgresStorage } = await import('./postgres/open-postgres-storage.ts')
    return openPostgresStorage(url, {
      ...bounds,
      connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
      pollMs: options.pollMs ?? POLL_MS,
      staleAfterMs: options.staleAfterMs ?? STALE_AFTER_MS,
      staleMaxMs: options.staleMaxMs ?? STALE_MAX_MS,
      rateWaitMaxMs: options.rateWaitMaxMs ?? RATE_WAIT_MAX_MS,
      creditLeaseMax: options.creditLeaseMax ?? CREDIT_LEASE_MAX,
      whenUnreachable: options.whenUnreachable ?? 'refuse',
      now: options.monotonicNow ?? monotonicNow,
      threads: new ThreadChanges(options.changeMemory ?? createChangeMemory()),
    })
  }
  if (scheme !== 'sqlite') throw cannotOpen(scheme, `there is no driver for it; there are ${KNOWN}`)
  if (rest === '') throw cannotOpen(scheme, 'the path is missing, as in "sqlite:data/latchkey.db"')
  const { openSqliteStorage } = await import('./sqlite/open-sqlite-storage.ts')
  return openSqliteStorage(rest, bounds)
}

function monotonicNow(): number {
  return performance.now()
}

/**
 * The processes that use the store of a URL, without opening it; undefined for one that keeps no list of them, as files do.
 *
 * @throws {DomainError} `storage.unavailable`, whose message is meant for the operator.
 */
export async function readClusterOf(url: string): Promise<ClusterView | undefined> {
  const { scheme } = parseStorageUrl(url)
  if (scheme !== 'postgres' && scheme !== 'postgresql') return undefined
  const { readCluster } = await import('./postgres/read-cluster.ts')
  return readCluster(url)
}

/** How the keys of a store lie, and what changes that. */
export type StorePartitions = {
  read(): Promise<KeyLayout>
  change(partitions: number, onStep: (step: string) => void): Promise<KeyLayout>
}

/**
 * The partitions of the store of a URL.
 *
 * @throws {DomainError} `storage.unavailable` for a file, which has none.
 */
export async function partitionsOf(url: string): Promise<StorePartitions> {
  const { scheme } = parseStorageUrl(url)
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    throw cannotOpen(scheme, 'only PostgreSQL has partitions; a file of SQLite holds all keys in one table')
  }
  const { partitionKeys, readKeyLayout } = await import('./postgres/partition-keys.ts')
  return {
    read: () => readKeyLayout(url),
    change: (partitions, onStep) => partitionKeys(url, partitions, onStep),
  }
}

const KNOWN = '"sqlite:PATH" and "postgres://USER@HOST/DATABASE"'

function parseStorageUrl(url: string): { readonly scheme: string; readonly rest: string } {
  const colon = url.indexOf(':')
  return colon < 0 ? { scheme: '', rest: url } : { scheme: url.slice(0, colon), rest: url.slice(colon + 1) }
}

/** Names the scheme only: the rest of a URL may hold a password. */
function cannotOpen(scheme: string, state: string): DomainError {
  return new DomainError('storage.unavailable', `Cannot open storage "${scheme}:...": ${state}`, { scheme })
}
