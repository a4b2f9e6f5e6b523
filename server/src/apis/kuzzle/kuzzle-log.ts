/** Where this API writes what operators should know. Fits `pino`. Facts never hold what a client sent as a secret. */
export interface KuzzleLog {
  warn(facts: Readonly<Record<string, unknown>>, message: string): void
  error(facts: Readonly<Record<string, unknown>>, message: string): void
}
