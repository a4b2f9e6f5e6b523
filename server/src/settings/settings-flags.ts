import type { GivenValue, SettingsProblem, SettingsSource } from './given-values.ts'
import { flagOf, settingOfWords, wordsOf } from './setting-names.ts'
import { settingOf } from './settings.ts'
import { unknownSetting } from './unknown-setting.ts'

/** What flags hold: settings, and the name of the configuration file. */
export type FlagSettings = SettingsSource & { readonly configFile?: string }

/** Reads `--name value`, `--name=value` and, for switches, `--name`; a flag given twice counts as its last. */
export function readFlags(flags: readonly string[]): FlagSettings {
  const values: GivenValue[] = []
  const problems: SettingsProblem[] = []
  let configFile: string | undefined
  const rest = [...flags]
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(flag) ?? []
    const source = `flag ${name === undefined ? flag : `--${name}`}`
    if (name === undefined) {
      problems.push({ source: `argument "${flag}"`, message: 'flags start with two dashes' })
      continue
    }
    const words = wordsOf(name)
    const setting = settingOfWords(words)
    if (setting === undefined && words !== 'CONFIG') {
      problems.push({ source, message: unknownSetting(name, flagOf) })
      if (inline === undefined && isValue(rest[0])) rest.shift()
      continue
    }
    const isSwitch = setting !== undefined && settingOf(setting).kind.isSwitch
    const text = inline ?? (isSwitch ? switchValue(rest) : isValue(rest[0]) ? rest.shift() : undefined)
    if (text === undefined || text === '') problems.push({ source, message: 'needs a value' })
    else if (setting === undefined) configFile = text
    else values.push({ setting, value: settingOf(setting).kind.readText(text), source })
  }
  return { values, problems, ...(configFile === undefined ? {} : { configFile }) }
}

/** A switch takes the next argument only when that can be nothing else. */
function switchValue(rest: string[]): string {
  return rest[0] === 'true' || rest[0] === 'false' ? (rest.shift() ?? 'true') : 'true'
}

/** Negative numbers are values, everything else with a dash in front is the next flag. */
function isValue(argument: string | undefined): boolean {
  return argument !== undefined && (!argument.startsWith('-') || /^-\d/.test(argument))
}
