import type { ProfileId } from './ids.ts'

/** Settings that decide what the core allows; see `settings/settings.ts` for their meaning to operators. */
export type CoreSettings = {
  /** Longest life of a self-issued key in ms; negative: no limit. */
  readonly apiKeyMaxTtlMs: number
  /** Whether somebody who showed an API key may issue keys and tokens without narrowing. */
  readonly apiKeyMayIssueKeys: boolean
  /** Most keys of one owner; absent: no limit. */
  readonly apiKeyPerUserMax?: number
  /** What native tokens begin with, by keyspace; there is always one named `default`. */
  readonly keyspaces: Readonly<Record<string, Keyspace>>
  /** How long after its revocation a key can be restored, in ms. */
  readonly restoreWindowMs: number
  /** How long revoked keys are remembered, in ms; at least as long as they can be restored. */
  readonly revokedKeptMs: number
  /** How long tokens of Knox's family are kept that expired, in ms; absent: for ever. */
  readonly knoxExpiredKeptMs?: number
  /** How long counts of use by day are kept, in ms. */
  readonly usageKeptMs: number
  /** What is done with keys that were found where everybody can read them, by keyspace; `*`: all others. */
  readonly leakActions: Readonly<Record<string, LeakAction>>
  /** Life of a session when the client names none, in ms. */
  readonly sessionTtlMs: number
  /** Longest life of a session in ms; negative: no limit. */
  readonly sessionMaxTtlMs: number
  /** How long a refreshed session stays good, in ms. */
  readonly sessionGracePeriodMs: number
  readonly tokenAlgorithm: 'HS256' | 'HS384' | 'HS512'
  /** Signs tokens; absent: a secret generated once and kept in the store. */
  readonly tokenSecret?: string
  readonly restrictedProfileIds: readonly ProfileId[]
  /** Sustained logins per second for one account; short bursts of `loginBurst` pass. */
  readonly loginsPerSecond: number
  /** Sustained logins per second from one address. */
  readonly loginsPerSecondPerAddress: number
  readonly loginBurst: number
  /** Anonymous may do everything until rights are restricted (Kuzzle's start); only for development. */
  readonly openStart: boolean
  /** Only administrators may call anything. */
  readonly failsafeMode: boolean
}

/** What a report of a leaked key leads to, beside an audit event. */
export type LeakAction = 'notify' | 'disable' | 'revoke'

/** The beginning of native tokens: `<prefix>_<environment>_`. */
export type Keyspace = { readonly prefix: string; readonly environment: string }
