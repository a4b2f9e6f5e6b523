/** What an event consists of but for its number. */
export const AUDIT_COLUMNS =
  'at, action, outcome, actor, actor_key, subject, reason, address, carrier, request_id, local, details'
