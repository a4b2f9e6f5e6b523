import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { DomainError } from '../core/errors.ts'
import type { ClusterView } from '../core/ports/cluster-nodes.ts'
import type { Settings } from '../settings/settings.ts'
import { readClusterOf } from '../storage/open-storage.ts'
import { printStorage, storageUrlOf } from './core-settings-of.ts'
import { StartError } from './start-error.ts'

/** Who uses the store that the settings name. */
export type ClusterStatus =
  | ({ readonly kind: 'nodes'; readonly storage: string } & ClusterView)
  | {
      /** A store that only processes of one machine can use. */
      readonly kind: 'one machine'
      readonly storage: string
      readonly exists: boolean
      /** Numbers of the processes that have it open, as far as this one may see them; absent: it cannot be told here. */
      readonly processes?: readonly number[]
    }

/**
 * Looks who uses the store; it is neither created nor changed.
 *
 * @throws {StartError} when it cannot be asked.
 */
export async function readClusterStatus(settings: Settings): Promise<ClusterStatus> {
  const [url, storage] = [storageUrlOf(settings), printStorage(settings)]
  try {
    const view = await readClusterOf(url)
    if (view !== undefined) return { kind: 'nodes', storage, ...view }
  } catch (error) {
    throw error instanceof DomainError ? new StartError(error.message, { cause: error }) : error
  }
  const path = url.slice(url.indexOf(':') + 1)
  const exists = path !== ':memory:' && existsSync(path)
  const processes = exists ? processesWith(realpathSync(path)) : undefined
  return { kind: 'one machine', storage, exists, ...(processes !== undefined && { processes }) }
}

/** Where Linux tells which process has which files open. */
const PROCESSES = '/proc'

function processesWith(path: string): readonly number[] | undefined {
  if (!existsSync(`${PROCESSES}/self/fd`)) return undefined
  return readdirSync(PROCESSES)
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && hasOpen(name, path))
    .map(Number)
}

/** Others may end meanwhile, and those of other users tell nothing. */
function hasOpen(processId: string, path: string): boolean {
  const folder = `${PROCESSES}/${processId}/fd`
  try {
    return readdirSync(folder).some((file) => targetOf(`${folder}/${file}`) === path)
  } catch {
    return false
  }
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}
