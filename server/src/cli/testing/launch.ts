import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const MAIN = new URL('../../main.ts', import.meta.url).pathname

/** The program as a process. */
export type Launched = {
  readonly pid: number
  /** Everything printed so far. */
  stdout(): string
  stderr(): string
  /** Writes to stdin and ends it. */
  feed(text: string): void
  signal(name: NodeJS.Signals): void
  /** Resolves once the pattern is seen on either stream; rejects when the process ends without it. */
  seen(pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code; null when a signal killed it. */
  readonly exit: Promise<number | null>
}

/** Starts the program with these arguments; it is killed when the test ends. */
export function launch(
  t: TestContext,
  args: readonly string[],
  options: {
    readonly environment?: Readonly<Record<string, string>>
    readonly nodeOptions?: readonly string[]
  } = {},
): Launched {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...(options.nodeOptions ?? []), MAIN, ...args],
    { env: { PATH: '/usr/bin:/bin', ...options.environment }, cwd: tmpdir() },
  )
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  const tell = (): void => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    tell()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    tell()
  })
  const exit = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      resolve(code)
      tell()
    })
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    feed: (text) => void child.stdin.end(text),
    signal: (name) => void child.kill(name),
    exit,
    seen: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(stdout) ?? pattern.exec(stderr)
          if (found !== null) resolve(found)
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`It ended without printing ${pattern}:\n${stdout}${stderr}`))
        }
        watchers.add(look)
        look()
      }),
  }
}

/** A directory that is removed when the test ends. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-launch-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
