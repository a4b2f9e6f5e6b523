import type { WriteAudit } from './audit-store.ts'
import type { SqliteDatabase } from './database.ts'
import type { KeyNews } from './key-news.ts'
import type { KeyWriter } from './key-writer.ts'
import type { RevokedKeys } from './revoked-keys.ts'

/** What the parts of the key store share. */
export type KeyParts = {
  readonly database: SqliteDatabase
  readonly writeAudit: WriteAudit
  readonly news: KeyNews
  readonly writer: KeyWriter
  readonly revoked: RevokedKeys
}
