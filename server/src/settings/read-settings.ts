import type { GivenValue, SettingsProblem, SettingsSource } from './given-values.ts'
import { SETTING_NAMES, type SettingName, type Settings, settingOf } from './settings.ts'
import {
  CONFIG_VARIABLE,
  type Environment,
  readEnvironment,
  readKuzzleEnvironment,
} from './settings-environment.ts'
import { readSettingsFile } from './settings-file.ts'
import { readFlags } from './settings-flags.ts'

/** Everything that is wrong with the settings, at once. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly SettingsProblem[]

  constructor(problems: readonly SettingsProblem[]) {
    const lines = problems.map(({ source, message }) => `  ${source}: ${message}`)
    const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
    super(`Cannot start: ${count} wrong.\n${lines.join('\n')}`)
    this.problems = problems
  }
}

/**
 * Brings the settings of all sources together: defaults, then the configuration file, then Kuzzle's environment
 * variables, then ours, then flags; what comes later wins.
 *
 * @throws {SettingsError} with every wrong or unknown setting of every source, overridden ones included.
 */
export function readSettings(from: {
  readonly flags: readonly string[]
  readonly environment: Environment
  readonly readFile: (path: string) => string
}): Settings {
  const flags = readFlags(from.flags)
  const configFile = flags.configFile ?? from.environment[CONFIG_VARIABLE]
  const sources: readonly SettingsSource[] = [
    ...(configFile ? [readFileSource(configFile, from.readFile)] : []),
    readKuzzleEnvironment(from.environment),
    readEnvironment(from.environment),
    flags,
  ]
  const problems: SettingsProblem[] = sources.flatMap((source) => source.problems)
  const checked = new Map<SettingName, unknown>(SETTING_NAMES.map((name) => [name, initialValue(name)]))
  const origins = new Map<SettingName, string>()
  for (const given of sources.flatMap((source) => source.values)) {
    const outcome = settingOf(given.setting).kind.type.safeParse(given.value)
    if (!outcome.success) {
      problems.push({ source: given.source, message: refusal(given) })
      continue
    }
    checked.set(given.setting, outcome.data)
    origins.set(given.setting, given.source)
  }
  const settings = Object.fromEntries(checked) as Settings
  problems.push(...conflictsIn(settings, (name) => origins.get(name) ?? `default of ${name}`))
  if (problems.length > 0) throw new SettingsError(problems)
  return settings
}

/** The settings as they are when nobody decides anything. */
export function defaultSettings(): Settings {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, initialValue(name)])) as Settings
}

/** True for addresses that only this host can reach. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}

function readFileSource(path: string, readFile: (path: string) => string): SettingsSource {
  try {
    return readSettingsFile(path, readFile(path))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return {
      values: [],
      problems: [{ source: `configuration file ${path}`, message: `cannot be read: ${why}` }],
    }
  }
}

function initialValue(name: SettingName): unknown {
  const { kind, initial } = settingOf(name)
  return initial === undefined ? undefined : kind.type.parse(initial)
}

const SHOWN_CHARACTERS_MAX = 80

function refusal(given: GivenValue): string {
  const { kind } = settingOf(given.setting)
  if (kind.show !== undefined) return `must be ${kind.expected}`
  const shown = JSON.stringify(given.value) ?? 'nothing'
  const short = shown.length > SHOWN_CHARACTERS_MAX ? `${shown.slice(0, SHOWN_CHARACTERS_MAX)}...` : shown
  return `must be ${kind.expected}, but is ${short}`
}

/** What no single setting can know. */
function conflictsIn(
  settings: Settings,
  originOf: (name: SettingName) => string,
): readonly SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const refuse = (name: SettingName, message: string): void => {
    problems.push({ source: originOf(name), message })
  }
  if (settings.dev && !isLoopback(settings['server.host']))
    refuse(
      'dev',
      `anonymous callers may do everything in development, so server.host must be a loopback address such as 127.0.0.1, but is ${settings['server.host']}`,
    )
  if (
    settings['server.protocols.mqtt.enabled'] &&
    settings['server.port'] !== 0 &&
    settings['server.port'] === settings['server.protocols.mqtt.port']
  )
    refuse('server.protocols.mqtt.port', 'must differ from server.port: MQTT has a listener of its own')
  if (settings['http.accessControlAllowOriginUseRegExp'])
    for (const pattern of settings['http.accessControlAllowOrigin'])
      if (!isRegularExpression(pattern))
        refuse('http.accessControlAllowOrigin', `"${pattern}" is no regular expression`)
  return problems
}

function isRegularExpression(pattern: string): boolean {
  try {
    new RegExp(pattern)
    return true
  } catch {
    return false
  }
}
