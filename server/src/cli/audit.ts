import { exportTrail, verifyTrail } from '../application/audit-trail.ts'
import { readSettings } from '../settings/read-settings.ts'
import type { Settings } from '../settings/settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'
import type { Terminal } from './terminal.ts'

/** Heads that can be expected at once. */
const HEADS_MAX = 10_000

/** Events between two messages of progress. */
const PROGRESS_EVERY = 20_000

const HEAD = /^[0-9a-f]{64}$/

/** `latchkey audit verify`, `latchkey audit export`: whether the audit trail is as it was written; the trail itself. */
export const AUDIT: Command = {
  name: 'audit',
  usage: 'verify|export ...',
  sentence: 'Verifies the audit trail (--expect HEAD: and has that head), or prints it as JSON lines.',
  run: async ([what, ...args], terminal) => {
    if (what !== 'verify' && what !== 'export') {
      throw new UsageError('"audit" needs a word, as in: latchkey audit verify, or latchkey audit export')
    }
    const { heads, flags } = takeHeads(args)
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    if (what === 'verify') return verify(settings, heads, terminal)
    if (heads.length > 0) throw new UsageError('"--expect" belongs to: latchkey audit verify')
    const count = await exportTrail(settings, (line) => terminal.print(`${line}\n`))
    terminal.complain(`${count} events.\n`)
    return EXIT.done
  },
}

type Report = Awaited<ReturnType<typeof verifyTrail>>
type Chain = Parameters<NonNullable<Parameters<typeof verifyTrail>[1]['onChain']>>[0]

async function verify(settings: Settings, heads: readonly string[], terminal: Terminal): Promise<number> {
  const progress = terminal.progress ?? (() => undefined)
  let announced = 0
  const report = await verifyTrail(settings, {
    expectedHeads: heads,
    onChain: (chain) => {
      progress('')
      terminal.print(printChain(chain))
    },
    onProgress: (done) => {
      if (done - announced < PROGRESS_EVERY) return
      announced = done
      progress(`${done} looked at`)
    },
  })
  progress('')
  terminal.print(printReport(report, heads.length))
  for (const problem of problemsOf(report)) terminal.complain(`${problem}.\n`)
  return report.isIntact ? EXIT.done : EXIT.failed
}

function printChain({ chain, events, first, last, head, fault }: Chain): string {
  const lines = [
    `chain ${chain}`,
    `  events ${events}`,
    `  first  ${printEnd(first)}`,
    `  last   ${printEnd(last)}`,
    `  head   ${head}`,
    ...(fault === undefined ? [] : [`  FAULT  ${fault}`]),
  ]
  return `${lines.join('\n')}\n`
}

function printEnd({ sequence, at }: Chain['first']): string {
  return `${sequence}${at === undefined ? '' : ` at ${printInstant(at)}`}`
}

/** An instant that somebody forged need not be one. */
function printInstant(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString()
}

function printReport(report: Report, expected: number): string {
  const { events, chains, waiting, earlier, beganAt, isIntact, missingHeads } = report
  const lines = [
    `${counted(events, 'event')} on ${counted(chains, 'chain')}${isIntact ? ': all of them are as they were sealed' : ''}.`,
    `Chained since ${printInstant(beganAt)}.`,
  ]
  if (earlier > 0) lines.push(`${counted(earlier, 'event')} of before that: sealed as they were found then.`)
  if (waiting > 0) lines.push(`${counted(waiting, 'event')} on no chain yet: a running server seals them.`)
  if (expected > 0)
    lines.push(`${expected - missingHeads.length} of ${counted(expected, 'expected head')} found.`)
  else if (events > 0 && isIntact) lines.push(NOTE_HEADS)
  return `${lines.join('\n')}\n`
}

const NOTE_HEADS = `Note the heads where nobody who can write to the store can write, and give them to the next verification with
--expect HEAD (several with commas between): it fails when the end of a chain was cut off or written anew.`

function problemsOf({ isIntact, fault, missingHeads }: Report): readonly string[] {
  if (isIntact) return []
  return [
    'The audit trail is NOT as it was written',
    ...(fault === undefined ? [] : [`Numbers: ${fault}`]),
    ...missingHeads.map(
      (head) => `No event has the expected head ${head}: a chain was cut off or written anew`,
    ),
  ]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Takes `--expect HEAD`, `--expect=HEAD` and lists with commas out of the arguments; the others are settings. */
function takeHeads(args: readonly string[]): {
  readonly heads: readonly string[]
  readonly flags: readonly string[]
} {
  const given: string[] = []
  const flags: string[] = []
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? ''
    if (argument === '--expect') given.push(args[++at] ?? '')
    else if (argument.startsWith('--expect=')) given.push(argument.slice('--expect='.length))
    else flags.push(argument)
  }
  const heads = given.flatMap((list) => list.split(',')).map((head) => head.trim().toLowerCase())
  const wrong = heads.find((head) => !HEAD.test(head))
  if (wrong !== undefined) throw new UsageError('"--expect" needs heads: 64 hexadecimal digits each')
  if (heads.length > HEADS_MAX) throw new UsageError(`"--expect" takes up to ${HEADS_MAX} heads`)
  return { heads, flags }
}
