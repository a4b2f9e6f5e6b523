import { createAdministrator } from '../application/create-administrator.ts'
import { createLog } from '../application/log.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'

/** `latchkey create-admin NAME`: the first administrator, without a server and without curl. */
export const CREATE_ADMIN: Command = {
  name: 'create-admin',
  usage: 'NAME [settings]',
  sentence: 'Creates the first administrator; its password is the first line of stdin.',
  run: async ([username, ...flags], terminal) => {
    if (username === undefined || username.startsWith('-'))
      throw new UsageError(
        '"create-admin" needs the name of the administrator, as in: latchkey create-admin ada',
      )
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    const log = createLog({ level: settings['log.level'], format: settings['log.format'] })
    const password = await terminal.askSecret(`Password for ${username}: `)
    try {
      await createAdministrator(settings, log, { username, password })
    } finally {
      log.flush()
    }
    terminal.print(`Administrator "${username}" created.\n`)
    return EXIT.done
  },
}
