import type { AuditEvent } from '../audit/audit-event.ts'
import type { JsonObject } from '../json.ts'

/** Small things the server keeps for itself: generated secrets, added search fields. */
export interface ConfigStore {
  read(name: string): Promise<JsonObject | undefined>
  /** Stores the value unless there is one; answers the one that is stored afterwards. */
  readOrCreate(name: string, value: JsonObject): Promise<JsonObject>
  write(name: string, value: JsonObject, event: AuditEvent): Promise<void>
}
