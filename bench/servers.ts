import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const START_TIMEOUT_MS = 60_000
const CLOCK_TICKS_PER_SECOND = 100

/** A server process under measurement, kept on the first core while the load runs on another. */
export type BenchServer = {
  readonly url: string
  readonly pid: number
  /** From spawning the process to its line that it listens. */
  readonly startMs: number
  stop(): Promise<void>
}

/** Starts `node SCRIPT ...` and waits for a line with `listening on http://...`. */
export function startBenchServer(
  script: string,
  scriptArguments: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, ...scriptArguments]
  const command = availableParallelism() > 1 ? ['taskset', '-c', '0', ...node] : node
  const startedAt = performance.now()
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => reject(new Error(`${script} did not start:\n${output}`)), START_TIMEOUT_MS)
    child.once('exit', (code) => reject(new Error(`${script} exited with ${code}:\n${output}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const url = /listening on (http:\/\/\S+)/.exec(output)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      child.stdout.removeAllListeners('data')
      child.stdout.resume()
      resolve({
        url,
        pid: child.pid ?? 0,
        startMs: performance.now() - startedAt,
        stop: () => stopServer(child),
      })
    })
  })
}

function stopServer(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

/** CPU seconds, user and system, that a process has used so far. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}
