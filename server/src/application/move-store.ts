import { DomainError } from '../core/errors.ts'
import { type MoveCounts, type MoveReport, type MoveRequest, moveStore } from '../storage/move-store.ts'
import { StartError } from './start-error.ts'

export type { MoveCounts, MoveReport, MoveRequest }

/**
 * Moves everything from one store into another; see `moveStore`.
 *
 * @throws {StartError} it cannot be moved; the message says why, and the source is as it was.
 */
export async function moveStores(request: MoveRequest): Promise<MoveReport> {
  try {
    return await moveStore(request)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new StartError(error.message, { cause: error })
  }
}
