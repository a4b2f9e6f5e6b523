import { existsSync } from 'node:fs'
import { NO_PREVIOUS, printExportedEvent } from '../core/audit/audit-chain.ts'
import { type TrailReport, type Verification, verifyAuditTrail } from '../core/audit/verify-audit-trail.ts'
import { DomainError } from '../core/errors.ts'
import type { AuditStore, ChainLink } from '../core/ports/audit-store.ts'
import type { Settings } from '../settings/settings.ts'
import { openStorage } from '../storage/open-storage.ts'
import { storageUrlOf } from './core-settings-of.ts'
import { StartError } from './start-error.ts'

/** Events that are in memory at once while they are exported. */
const EXPORTED_AT_ONCE = 1_000

/** Keys are not asked for. */
const KEYS_IN_MEMORY_MAX = 1

/**
 * Verifies the audit trail of the store that the settings name; servers may be using it meanwhile.
 *
 * @throws {StartError} when there is no such store, or it cannot be used.
 */
export function verifyTrail(settings: Settings, verification: Verification): Promise<TrailReport> {
  return withAudit(settings, (audit) => verifyAuditTrail(audit, verification))
}

/**
 * Gives every event that is on a chain to `write`, as a line for others to verify: one chain after the other, each in
 * order. Answers how many there were. Verifies nothing itself.
 *
 * @throws {StartError} when there is no such store, it cannot be used, or an event is not there any more.
 */
export function exportTrail(settings: Settings, write: (line: string) => void): Promise<number> {
  return withAudit(settings, async (audit) => {
    let count = 0
    for (let last: ChainLink | undefined; ; ) {
      const links = await audit.listLinks(last, EXPORTED_AT_ONCE)
      for (const link of links) {
        write(printLink(link, last))
        last = link
      }
      count += links.length
      if (links.length === 0) return count
    }
  })
}

function printLink(link: ChainLink, last: ChainLink | undefined): string {
  const { event, chain, position, sequence, hash } = link
  if (event === undefined) {
    throw new StartError(
      `Cannot export the audit trail: event ${sequence} was removed. Try: latchkey audit verify`,
    )
  }
  const previous = last?.chain === chain ? last.hash : NO_PREVIOUS
  return printExportedEvent(event, { chain, position, previous }, hash)
}

async function withAudit<T>(settings: Settings, work: (audit: AuditStore) => Promise<T>): Promise<T> {
  const url = storageUrlOf(settings)
  requireFile(url)
  try {
    const storage = await openStorage(url, { keysInMemoryMax: KEYS_IN_MEMORY_MAX })
    try {
      return await work(storage.audit)
    } finally {
      await storage.close()
    }
  } catch (error) {
    // The messages of these are written for operators.
    throw error instanceof DomainError ? new StartError(error.message, { cause: error }) : error
  }
}

/** Opening a store creates it; a new, empty one would be found in perfect order. */
function requireFile(url: string): void {
  const [, path] = /^sqlite:(.*)$/.exec(url) ?? []
  if (path === undefined || (path !== ':memory:' && existsSync(path))) return
  throw new StartError(`Cannot read the audit trail: there is no store at "${path}"`)
}
