import type { AuditWriter } from './audit-store.ts'
import type { ChangeFeed } from './change-feed.ts'
import type { CreditLeases } from './credit-leases.ts'
import type { PostgresDatabase } from './database.ts'

/** What the parts of the key store share. */
export type KeyParts = {
  readonly database: PostgresDatabase
  readonly audit: AuditWriter
  readonly feed: ChangeFeed
  readonly leases: CreditLeases
}
