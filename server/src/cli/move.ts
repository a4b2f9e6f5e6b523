import { type MoveCounts, type MoveReport, type MoveRequest, moveStores } from '../application/move-store.ts'
import { type Command, EXIT, UsageError } from './command.ts'

/** `latchkey move`: everything from one store into another, while the first is in use. */
export const MOVE: Command = {
  name: 'move',
  usage: '--from URL --to URL',
  sentence: 'Copies all between a file and PostgreSQL, and checks it. --dry-run, --finish.',
  run: async (args, terminal) => {
    const request = requestOf(args, (counts) => terminal.complain(`${printCounts(counts)}\n`))
    terminal.print(printReport(await moveStores(request), request))
    return EXIT.done
  },
}

const TEXTS = ['--from', '--to'] as const
const SWITCHES = ['--finish', '--dry-run'] as const

function requestOf(args: readonly string[], onTable: (counts: MoveCounts) => void): MoveRequest {
  const texts = new Map<string, string>()
  const switches = new Set<string>()
  const left = [...args]
  for (let argument = left.shift(); argument !== undefined; argument = left.shift()) {
    const given = argument
    const name = TEXTS.find((known) => given === known || given.startsWith(`${known}=`))
    if (name !== undefined) {
      const text = given === name ? left.shift() : given.slice(name.length + 1)
      if (text === undefined || text === '') throw new UsageError(`"${name}" needs a value`)
      texts.set(name, text)
    } else if (SWITCHES.some((known) => known === given)) switches.add(given)
    // What it is may hold a password.
    else throw new UsageError(`"move" knows ${[...TEXTS, ...SWITCHES].join(', ')}, and nothing else`)
  }
  const [from, to] = [texts.get('--from'), texts.get('--to')]
  if (from === undefined || to === undefined) {
    throw new UsageError(
      '"move" needs both stores, as in: --from sqlite:data/latchkey.db --to postgres://USER@HOST/DATABASE',
    )
  }
  const [finish, dryRun] = [switches.has('--finish'), switches.has('--dry-run')]
  if (finish && dryRun) throw new UsageError('a dry run finishes nothing: give either --finish or --dry-run')
  return { from, to, finish, dryRun, onTable }
}

function printCounts({ table, rows, added, removed, digest }: MoveCounts): string {
  const changes = `${String(added).padStart(9)} added ${String(removed).padStart(9)} removed`
  return `${table.padEnd(17)} ${String(rows).padStart(9)} rows ${changes}${digest === undefined ? '' : `  ${digest.slice(0, 16)}`}`
}

function printReport({ tables, samples }: MoveReport, { finish, dryRun }: MoveRequest): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  if (dryRun) {
    const lines = tables.map(printCounts).join('\n')
    return `A dry run, so nothing was changed. This is what a pass would do:\n${lines}\n`
  }
  const equal = `All ${rows} rows are in the target as they were in the source when this pass began: the numbers of rows and the digests of all ${tables.length} tables are equal, and ${samples} keys were found by their secrets.\n`
  if (finish)
    return `${equal}The move is finished: start Latchkey on the target, and never again on the source.\n`
  return `${equal}What the source changed since is not in it. Run this again to copy that; then stop the source and run it with --finish. Until then Latchkey does not start on the target.\n`
}
