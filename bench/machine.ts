import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

/** Where and from what a figure was measured: processor, cores, memory, runtime, commit. */
export function describeMachine(): string {
  const [cpu] = cpus()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const dirty =
    execFileSync('git', ['status', '--porcelain', '--', 'server/src'], { encoding: 'utf8' }) !== ''
  return [
    `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.version}`,
    `commit ${commit}${dirty ? ' with local changes' : ''}`,
    new Date().toISOString().slice(0, 10),
  ].join(', ')
}

/** The middle value; of an even number the upper middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** The value below or at which that many of 100 are. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN
}
