import { createAdministrator, recoverAdministrator } from '../application/create-administrator.ts'
import { createLog } from '../application/log.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'

/**
 * `latchkey create-admin NAME`: the first administrator, without a server and without curl; with `--recover`, the rights of
 * administrators back, and one who can log in.
 */
export const CREATE_ADMIN: Command = {
  name: 'create-admin',
  usage: 'NAME [settings]',
  sentence: 'Creates the first administrator; password: first line of stdin. --recover: rights back.',
  run: async ([username, ...args], terminal) => {
    if (username === undefined || username.startsWith('-'))
      throw new UsageError(
        '"create-admin" needs the name of the administrator, as in: latchkey create-admin ada',
      )
    const flags = args.filter((argument) => argument !== RECOVER)
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    const log = createLog({ level: settings['log.level'], format: settings['log.format'] })
    const login = { username, password: await terminal.askSecret(`Password for ${username}: `) }
    try {
      if (args.includes(RECOVER)) {
        const id = await recoverAdministrator(settings, log, login)
        terminal.print(`Role and profile "admin" have their rights; "${username}" logs in as user "${id}".\n`)
      } else {
        await createAdministrator(settings, log, login)
        terminal.print(`Administrator "${username}" created.\n`)
      }
    } finally {
      log.flush()
    }
    return EXIT.done
  },
}

const RECOVER = '--recover'
