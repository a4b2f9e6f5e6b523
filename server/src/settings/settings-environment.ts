import type { GivenValue, SettingsProblem, SettingsSource } from './given-values.ts'
import {
  ENVIRONMENT_PREFIX,
  environmentVariableOf,
  isSection,
  settingNamed,
  settingOfWords,
} from './setting-names.ts'
import { type SettingName, settingOf } from './settings.ts'
import { unknownSetting } from './unknown-setting.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Names the configuration file; not a setting itself. */
export const CONFIG_VARIABLE = `${ENVIRONMENT_PREFIX}CONFIG`

/** The environment of this process: the only place that reads it. */
export function processEnvironment(): Environment {
  return process.env
}

/** The text of a variable that somebody named; undefined: it is not set. */
export function environmentText(name: string): string | undefined {
  return process.env[name]
}

/** Reads `LATCHKEY_...` variables; empty ones count as absent. */
export function readEnvironment(environment: Environment): SettingsSource {
  const values: GivenValue[] = []
  const problems: SettingsProblem[] = []
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || variable === CONFIG_VARIABLE || !text) continue
    const words = variable.slice(ENVIRONMENT_PREFIX.length)
    const setting = settingOfWords(words)
    const source = `environment variable ${variable}`
    if (setting === undefined)
      problems.push({ source, message: unknownSetting(words.toLowerCase(), environmentVariableOf) })
    else values.push({ setting, value: settingOf(setting).kind.readText(text), source })
  }
  return { values, problems }
}

const KUZZLE_PREFIX = 'kuzzle_'
const KUZZLE_JSON = '*json:'

/** Reads the variables that Kuzzle would: `kuzzle_security__apiKey__maxTTL=...`, structured values after `*json:`. */
export function readKuzzleEnvironment(environment: Environment): SettingsSource {
  const values: GivenValue[] = []
  const problems: SettingsProblem[] = []
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(KUZZLE_PREFIX) || !text) continue
    const name = variable.slice(KUZZLE_PREFIX.length).split('__').join('.')
    const setting = settingNamed(name)
    const source = `environment variable ${variable}`
    if (setting !== undefined) values.push({ setting, value: kuzzleValue(setting, text), source })
    else if (isSection(name))
      problems.push({ source, message: 'holds settings and is none; set them one by one' })
    else problems.push({ source, message: unknownSetting(name, kuzzleVariableOf) })
  }
  return { values, problems }
}

function kuzzleVariableOf(name: string): string {
  return KUZZLE_PREFIX + name.split('.').join('__')
}

function kuzzleValue(setting: SettingName, text: string): unknown {
  if (!text.startsWith(KUZZLE_JSON)) return settingOf(setting).kind.readText(text)
  try {
    return JSON.parse(text.slice(KUZZLE_JSON.length))
  } catch {
    return text
  }
}
