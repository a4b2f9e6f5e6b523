import type { AuditWriter } from './audit-store.ts'
import type { PostgresDatabase } from './database.ts'

/** What the parts of the key store share. */
export type KeyParts = { readonly database: PostgresDatabase; readonly audit: AuditWriter }
