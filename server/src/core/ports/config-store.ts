import type { AuditEvent } from '../audit/audit-event.ts'
import type { JsonObject } from '../json.ts'

/** Small things the server keeps for itself: generated secrets, added search fields. */
export interface ConfigStore {
  read(name: string): Promise<JsonObject | undefined>
  /** Stores the value unless there is one; answers the one that is stored afterwards. */
  readOrCreate(name: string, value: JsonObject): Promise<JsonObject>
  /**
   * Replaces a value, or what is not there yet, by what `change` makes of it, atomically. `change` is pure and may run
   * more than once.
   *
   * @throws Whatever `change` throws.
   */
  update(
    name: string,
    change: (value: JsonObject | undefined) => JsonObject,
    event: AuditEvent,
  ): Promise<void>
}
