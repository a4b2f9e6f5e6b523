import { DomainError } from '../core/errors.ts'
import type { Settings } from '../settings/settings.ts'
import { type KeyLayout, PARTITIONS_MAX } from '../storage/key-layout.ts'
import { partitionsOf } from '../storage/open-storage.ts'
import { storageUrlOf } from './core-settings-of.ts'
import { StartError } from './start-error.ts'

export { type KeyLayout, PARTITIONS_MAX }

/**
 * How the keys of the store that the settings name lie.
 *
 * @throws {StartError} it cannot be asked, or is a file, which has no partitions.
 */
export function readLayout(settings: Settings): Promise<KeyLayout> {
  return orStartError(async () => (await partitionsOf(storageUrlOf(settings))).read())
}

/**
 * Splits the keys of the store that the settings name into so many partitions, or makes them whole; see `partitionKeys`.
 *
 * @throws {StartError} nothing was changed; the message says why.
 */
export function changeLayout(
  settings: Settings,
  partitions: number,
  onStep: (step: string) => void,
): Promise<KeyLayout> {
  return orStartError(async () => (await partitionsOf(storageUrlOf(settings))).change(partitions, onStep))
}

async function orStartError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof DomainError ? new StartError(error.message, { cause: error }) : error
  }
}
