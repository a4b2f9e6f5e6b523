import { environmentVariableOf, flagOf } from '../settings/setting-names.ts'
import { SETTING_NAMES, type SettingName, settingOf } from '../settings/settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'

/** `latchkey settings`: every setting with its default and meaning. */
export const LIST_SETTINGS: Command = {
  name: 'settings',
  usage: '',
  sentence: 'Lists every setting with its default, meaning, flag and environment variable.',
  run: async (args, terminal) => {
    if (args.length > 0) throw new UsageError(`"settings" takes nothing, but was given: ${args.join(' ')}`)
    terminal.print(`${SETTING_NAMES.map(printSetting).join('\n\n')}\n`)
    return EXIT.done
  },
}

function printSetting(name: SettingName): string {
  const { initial, kind, sentence } = settingOf(name)
  const short = settingOf(name).aliases.find((alias) => !alias.includes('.')) ?? name
  return [
    `${name} = ${initial === undefined ? '(unset)' : JSON.stringify(initial)}`,
    `  ${sentence}`,
    `  ${kind.expected}`,
    `  ${flagOf(short)}  ${environmentVariableOf(short)}`,
  ].join('\n')
}
