import type { AuditEvent } from '../core/audit/audit-event.ts'
import { createRefusalLog } from '../core/audit/refusal-log.ts'
import type { CoreDependencies } from '../core/context.ts'
import { createKeyAuthority } from '../core/create-key-authority.ts'
import { DomainError } from '../core/errors.ts'
import { createHousekeeping, type Housekeeping } from '../core/housekeeping.ts'
import type { KeyAuthority } from '../core/key-authority.ts'
import { createUsageCounter } from '../core/keys/usage-counter.ts'
import type { Randomness } from '../core/ports/randomness.ts'
import type { Storage } from '../core/ports/storage.ts'
import type { Settings } from '../settings/settings.ts'
import { openStorage } from '../storage/open-storage.ts'
import { createArgon2Hasher } from '../system/argon2-hasher.ts'
import { createNodeRandomness } from '../system/node-randomness.ts'
import { createStoreClock, type StoreClock } from '../system/store-clock.ts'
import { systemClock } from '../system/system-clock.ts'
import { coreSettingsOf, storageOptionsOf, storageUrlOf } from './core-settings-of.ts'
import { compareClocks } from './heartbeat.ts'
import type { Log } from './log.ts'
import type { Observation } from './observation.ts'
import { StartError } from './start-error.ts'

/** A key authority with everything it stands on. */
export type OpenAuthority = {
  readonly authority: KeyAuthority
  readonly storage: Storage
  readonly randomness: Randomness
  /** The store's time: what everything that ends is judged by. */
  readonly clock: StoreClock
  readonly housekeeping: Housekeeping
  /** Writes what waits and lets go of the store. */
  close(): Promise<void>
}

/** What several threads of this process share. */
export type SharedParts = Pick<CoreDependencies, 'rates'> & {
  /** How far the store's clock is ahead; see `createClockMemory`. */
  readonly clockMemory?: SharedArrayBuffer
  /** What they changed in the store; see `createChangeMemory`. */
  readonly changeMemory?: SharedArrayBuffer
}

/** Looks on at the store and the authority; absent: nobody does. */
export type AuthorityObserver = Pick<Observation, 'storage' | 'authority'>

/**
 * Opens the store that the settings name, ready for use. Every audit event is also written to the log.
 *
 * @throws {StartError} when the store cannot be opened or prepared.
 */
export async function openAuthority(
  settings: Settings,
  log: Log,
  { clockMemory, changeMemory, ...shared }: SharedParts = {},
  observer?: AuthorityObserver,
): Promise<OpenAuthority> {
  // Before the store is opened, which creates it: what is wrong with the settings is known at once.
  const coreSettings = coreSettingsOf(settings)
  const options = { ...storageOptionsOf(settings), ...(changeMemory !== undefined && { changeMemory }) }
  const plainStorage = await orStartError(openStorage(storageUrlOf(settings), options))
  const storage = observer?.storage(plainStorage) ?? plainStorage
  const randomness = createNodeRandomness()
  const clock = createStoreClock(clockMemory)
  const onAudit = (event: AuditEvent): void => log.info({ audit: event }, 'audit')
  const refusals = createRefusalLog({ audit: storage.audit, clock, onAudit })
  const uses = createUsageCounter(storage.keys, settings['keys.usageWrittenEvery'])
  const authority = createKeyAuthority({
    storage,
    clock,
    randomness,
    passwords: createArgon2Hasher(randomness),
    settings: coreSettings,
    refusals,
    uses,
    onAudit,
    ...shared,
  })
  const housekeeping = createHousekeeping({
    storage,
    clock,
    refusals,
    uses,
    settings: coreSettings,
  })
  const close = async (): Promise<void> => {
    try {
      await housekeeping.finish()
    } finally {
      await storage.close()
    }
  }
  try {
    const { cluster } = storage
    if (cluster !== undefined) await orStartError(compareClocks(cluster, clock, systemClock))
    await orStartError(authority.administration.prepareStore())
  } catch (error) {
    await storage.close()
    throw error
  }
  return {
    authority: observer?.authority(authority) ?? authority,
    storage,
    randomness,
    clock,
    housekeeping,
    close,
  }
}

async function orStartError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    // The message of this one is written for operators.
    if (error instanceof DomainError && error.code === 'storage.unavailable')
      throw new StartError(error.message, { cause: error })
    throw error
  }
}
