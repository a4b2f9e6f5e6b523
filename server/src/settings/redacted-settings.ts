import { SETTING_NAMES, type SettingName, type Settings, settingOf } from './settings.ts'

/** A tree of settings as in a configuration file. */
export type SettingsTree = { readonly [name: string]: unknown }

/** All settings with their values as a tree; secrets are replaced, unset ones left out. */
export function redactedSettings(settings: Settings): SettingsTree {
  const root: Record<string, unknown> = {}
  for (const name of SETTING_NAMES) {
    const value = redactedSetting(settings, name)
    if (value === undefined) continue
    const parts = name.split('.')
    const last = parts.pop() ?? name
    let section = root
    for (const part of parts) section = childOf(section, part)
    section[last] = value
  }
  return root
}

/** One setting's value as it may be shown. */
export function redactedSetting(settings: Settings, name: SettingName): unknown {
  const value = settings[name]
  const { kind } = settingOf(name)
  return value === undefined || kind.show === undefined ? value : kind.show(value)
}

function childOf(section: Record<string, unknown>, name: string): Record<string, unknown> {
  const child: Record<string, unknown> = isSectionObject(section[name]) ? section[name] : {}
  section[name] = child
  return child
}

function isSectionObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
