import type { ProcessState } from './print-metrics.ts'

const MICROSECONDS = 1_000_000

/** The state of this process now. */
export function readProcessState(version: string): Omit<ProcessState, 'cluster'> {
  const { user, system } = process.cpuUsage()
  return {
    version,
    nodeVersion: process.version,
    userCpuSeconds: user / MICROSECONDS,
    systemCpuSeconds: system / MICROSECONDS,
    residentBytes: process.memoryUsage.rss(),
    startedAtSeconds: Date.now() / 1000 - process.uptime(),
  }
}
