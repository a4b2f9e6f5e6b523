import { StartError } from '../application/start-error.ts'
import { readVersion } from '../application/version.ts'
import { SettingsError } from '../settings/read-settings.ts'
import { environmentVariableOf, flagOf } from '../settings/setting-names.ts'
import { EXIT, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'
import type { Terminal } from './terminal.ts'

/** Does what the command line says and answers the exit code; what goes wrong is said on stderr. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first = ''] = args
  if (first === 'help' || args.some((argument) => argument === '--help' || argument === '-h')) {
    terminal.print(printHelp())
    return EXIT.done
  }
  if (first === 'version' || first === '--version' || first === '-v') {
    terminal.print(`latchkey ${readVersion()}\n`)
    return EXIT.done
  }
  try {
    const hasName = first !== '' && !first.startsWith('-')
    const command = hasName ? COMMANDS.find(({ name }) => name === first) : COMMANDS[0]
    if (command === undefined) throw new UsageError(`There is no command "${first}"`)
    return await command.run(hasName ? args.slice(1) : args, terminal)
  } catch (error) {
    return explain(error, terminal)
  }
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.complain(`${error.message}.\nTry: latchkey --help\n`)
    return EXIT.usage
  }
  if (error instanceof SettingsError) {
    terminal.complain(`${error.message}\n`)
    return EXIT.usage
  }
  if (error instanceof StartError) {
    terminal.complain(`${error.message}\n`)
    return EXIT.failed
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  terminal.complain(`A fault of Latchkey itself: ${text}\n`)
  return EXIT.failed
}

/** Settings that somebody who starts the program for the first time may want; `settings` lists the others. */
const COMMON = ['port', 'host', 'storage', 'dataDir', 'dev', 'logLevel', 'logFormat']

function printHelp(): string {
  const commands = COMMANDS.map(
    ({ name, usage, sentence }) => `  ${`${name} ${usage}`.padEnd(28)}  ${sentence}`,
  )
  const settings = COMMON.map((name) => `  ${flagOf(name).padEnd(30)}${environmentVariableOf(name)}`)
  return `Latchkey, a self-hosted API-key authority.

Usage: latchkey [command] [settings]

Commands:
${commands.join('\n')}
  ${'help'.padEnd(30)}This text; also --help, -h.
  ${'version'.padEnd(30)}The version; also --version, -v.

Settings, as a flag or as an environment variable:
${settings.join('\n')}
  ${'--config FILE'.padEnd(30)}LATCHKEY_CONFIG: a file of settings, JSON with comments
Every other setting works the same way: --limits.logins-per-second 2, LATCHKEY_LIMITS_LOGINS_PER_SECOND=2.
Flags win over the environment, the environment over the file. "latchkey settings" lists them all.

Exit codes: ${EXIT.done} done, or stopped by SIGTERM or SIGINT; ${EXIT.failed} tried and failed; ${EXIT.usage} wrong command line or settings.
`
}
