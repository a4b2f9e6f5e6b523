import type { SettingName } from './settings.ts'

/** A setting's value as somebody gave it, not yet checked. */
export type GivenValue = {
  readonly setting: SettingName
  readonly value: unknown
  /** Where and under which name, for people: `flag --port`, `latchkey.json line 3: server.port`. */
  readonly source: string
}

/** One thing that is wrong with the settings. */
export type SettingsProblem = { readonly source: string; readonly message: string }

/** What one source of settings holds. */
export type SettingsSource = {
  readonly values: readonly GivenValue[]
  readonly problems: readonly SettingsProblem[]
}
