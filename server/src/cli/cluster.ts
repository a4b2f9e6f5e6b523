import { type ClusterStatus, readClusterStatus } from '../application/cluster-status.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'
import type { Terminal } from './terminal.ts'

/** `latchkey cluster status`: which processes use the store, and how they are. */
export const CLUSTER: Command = {
  name: 'cluster',
  usage: 'status [settings]',
  sentence: 'Shows the nodes on a store; fails when one fell silent. --json: for programs.',
  run: async ([what, ...args], terminal) => {
    if (what !== 'status') throw new UsageError('"cluster" needs a word, as in: latchkey cluster status')
    const flags = args.filter((argument) => argument !== '--json')
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    const status = await readClusterStatus(settings)
    terminal.print(flags.length < args.length ? `${JSON.stringify(status)}\n` : printStatus(status))
    return verdict(status, terminal)
  },
}

type Nodes = Extract<ClusterStatus, { readonly kind: 'nodes' }>
type Node = Nodes['nodes'][number]

function verdict(status: ClusterStatus, terminal: Terminal): number {
  if (status.kind === 'one machine') return EXIT.done
  const stale = status.nodes.filter(({ isStale }) => isStale)
  if (status.nodes.length > 0 && stale.length === 0) return EXIT.done
  const problem =
    stale.length === 0
      ? 'No node is running'
      : `Not heard of lately: ${stale.map(({ name }) => name).join(', ')}`
  terminal.complain(`${problem}.\n`)
  return EXIT.failed
}

/** For people. */
export function printStatus(status: ClusterStatus): string {
  if (status.kind === 'nodes') return printNodes(status)
  const { storage, exists, processes } = status
  const ask = 'How a server is doing, it says at /readyz and /metrics.'
  const why = 'It is a store of one machine, which keeps no list of nodes; many machines share postgres://...'
  return `${storage}: ${printProcesses(exists, processes)}\n${why}\n${ask}\n`
}

function printProcesses(exists: boolean, processes: readonly number[] | undefined): string {
  if (!exists) return 'there is no such file'
  if (processes === undefined) return 'which processes use it cannot be told here'
  if (processes.length === 0) return 'no process that this one may see has it open'
  return `open in ${processes.length === 1 ? 'one process' : `${processes.length} processes`}: ${processes.join(', ')}`
}

const HEADINGS = [
  'NAME',
  'VERSION',
  'SCHEMA',
  'STATE',
  'THREADS',
  'UP',
  'HEARTBEAT',
  'FEED',
  'CLOCK',
  'ADDRESS',
]

function printNodes({ at, nodes }: Nodes): string {
  const table = [HEADINGS, ...nodes.map((node) => rowOf(node, at))]
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function rowOf(node: Node, at: number): readonly string[] {
  return [
    withoutControls(node.name),
    node.version,
    String(node.schemaVersion),
    node.isStale ? 'stale' : node.state,
    String(node.threads),
    printSpan(at - node.startedAt),
    `${printSpan(at - node.heartbeatAt)} ago`,
    node.feedSilentMs === undefined ? '-' : printSpan(node.feedSilentMs),
    printSkew(node.clockAheadMs),
    withoutControls(node.address),
  ]
}

/** A name that somebody chose cannot steer the terminal that shows it. */
function withoutControls(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A length of time in its largest unit, such as `3h`. */
export function printSpan(ms: number): string {
  if (!Number.isFinite(ms)) return 'never'
  const [unit, length] = UNITS.find(([, length]) => ms >= length) ?? ['ms', 1]
  return `${Math.floor(Math.max(0, ms) / length)}${unit}`
}

/** How wrong the clock of a node is: `+1h` goes before the store's. */
function printSkew(storeIsAheadMs: number): string {
  if (storeIsAheadMs === 0) return 'ok'
  return `${storeIsAheadMs < 0 ? '+' : '-'}${printSpan(Math.abs(storeIsAheadMs))}`
}
