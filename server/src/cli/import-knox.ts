import {
  IDS_SHOWN_MAX,
  type ImportReport,
  importKnox,
  KNOX_SOURCES,
  type KnoxImport,
  NAME_TRUSTS,
  type NameTrust,
} from '../application/import-knox.ts'
import { createLog } from '../application/log.ts'
import { StartError } from '../application/start-error.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'

/** Rows between two lines of progress. */
const PROGRESS_EVERY = 5_000

/** `latchkey import knox`: keys that Knox issued go on working here. */
export const IMPORT: Command = {
  name: 'import',
  usage: 'knox --from SOURCE ...',
  sentence: 'Moves the tokens of an Apache Knox gateway in.',
  run: async ([what, ...args], terminal) => {
    if (what !== 'knox') throw new UsageError('"import" knows one thing to import from: knox')
    const options = takeOptions(args)
    const settings = readSettings({
      flags: options.settings,
      environment: terminal.environment,
      readFile: readTextFile,
    })
    const request = requestOf(options, (read, total) => {
      if (read % PROGRESS_EVERY === 0 || read >= total) {
        terminal.complain(`${read} of ${total} tokens read\n`)
      }
    })
    // The trail of 10,000 keys is in the store; on the terminal it would hide what matters.
    const log = createLog({ level: quieter(settings['log.level']), format: settings['log.format'] })
    try {
      terminal.print(printReport(await importKnox(settings, log, request), request))
    } finally {
      log.flush()
    }
    return EXIT.done
  },
}

const TEXTS = ['--from', '--jdbc', '--hash-key-file', '--hash-algorithm', '--names-are-users'] as const
const SWITCHES = ['--dry-run', '--include-expired'] as const

type Options = {
  readonly texts: ReadonlyMap<string, string>
  readonly switches: ReadonlySet<string>
  /** All that is left. */
  readonly settings: readonly string[]
}

function takeOptions(args: readonly string[]): Options {
  const texts = new Map<string, string>()
  const switches = new Set<string>()
  const settings: string[] = []
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? ''
    const name = TEXTS.find((known) => argument === known || argument.startsWith(`${known}=`))
    if (name !== undefined) {
      const text = argument === name ? args[++at] : argument.slice(name.length + 1)
      if (text === undefined || text === '') throw new UsageError(`"${name}" needs a value`)
      texts.set(name, text)
    } else if (SWITCHES.some((known) => known === argument)) switches.add(argument)
    else settings.push(argument)
  }
  return { texts, switches, settings }
}

function requestOf({ texts, switches }: Options, onProgress: KnoxImport['onProgress']): KnoxImport {
  const [from, jdbc] = [texts.get('--from'), texts.get('--jdbc')]
  const source = from ?? jdbc
  if (source === undefined || (from !== undefined && jdbc !== undefined)) {
    throw new UsageError(
      `"import knox" needs one source, as in: --from sqlite:PATH, --from csv:DIR, or --jdbc ${KNOX_SOURCES[0]}`,
    )
  }
  const file = texts.get('--hash-key-file')
  if (file === undefined) {
    throw new UsageError(
      '"import knox" needs --hash-key-file: a file that holds what the alias knox.token.hash.key of the gateway says',
    )
  }
  return {
    source,
    hashKey: readHashKey(file),
    algorithm: texts.get('--hash-algorithm') ?? 'HmacSHA256',
    ownerTrust: nameTrustOf(texts.get('--names-are-users')),
    dryRun: switches.has('--dry-run'),
    includeExpired: switches.has('--include-expired'),
    onProgress,
  }
}

function nameTrustOf(text = 'ordinary'): NameTrust {
  const trust = NAME_TRUSTS.find((each) => each === text)
  if (trust !== undefined) return trust
  throw new UsageError(`--names-are-users is "${text}", and must be one of ${NAME_TRUSTS.join(', ')}`)
}

/** Editors end a file with a line break, which is no part of the key. */
function readHashKey(path: string): string {
  try {
    return readTextFile(path).replace(/\r?\n$/, '')
  } catch (error) {
    throw new StartError(
      `Cannot read the hash key: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    )
  }
}

function quieter(level: Parameters<typeof createLog>[0]['level']): typeof level {
  return level === 'info' ? 'warn' : level
}

function printReport({ read, tokens, leftOut, strange }: ImportReport, { dryRun }: KnoxImport): string {
  const lines: [string, number][] = [
    [dryRun ? 'would be imported' : 'imported', tokens.imported],
    [dryRun ? 'would get another hash' : 'got another hash, not having been used yet', tokens.corrected],
    ['are here already, left as they are', tokens.present],
    ['were imported before and ended since, left out', tokens.ended],
    ['expired, left out', leftOut.expired],
    ['cookies of single sign-on, left out', leftOut.cookie],
    ['incomplete, left out', leftOut.incomplete],
    ['not issued by Knox, left out', leftOut.unusable],
  ]
  const table = lines.map(([words, count]) => `${String(count).padStart(9)} ${words}`).join('\n')
  const ids =
    strange.length === 0 ? '' : `Incomplete or not issued by Knox: ${strange.join(', ')}${more(leftOut)}\n`
  return `${read} tokens read${dryRun ? '; a dry run, so nothing was changed' : ''}:\n${table}\n${ids}`
}

function more({ incomplete, unusable }: ImportReport['leftOut']): string {
  return incomplete + unusable > IDS_SHOWN_MAX ? ', ...' : ''
}
