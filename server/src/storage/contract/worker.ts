import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./worker-process.ts', import.meta.url))

/** Another process that works on a store; see `worker-process.ts` for its tasks. */
export class Worker {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  readonly #lines: string[] = []
  #whenTold: (() => void) | undefined
  #errors = ''

  constructor(url: string, task: string, name = '', count = 0) {
    const flags = ['--disable-warning=ExperimentalWarning']
    this.#child = spawn(process.execPath, [...flags, SCRIPT, url, task, name, String(count)])
    this.#ended = once(this.#child, 'close')
    const { stdout, stderr } = this.#child
    if (stdout === null || stderr === null) throw new Error('Cannot talk to the worker: it has no pipes')
    createInterface({ input: stdout }).on('line', (line) => {
      this.#lines.push(line)
      this.#whenTold?.()
    })
    stderr.on('data', (text) => {
      this.#errors += String(text)
    })
    this.#child.on('close', () => this.#whenTold?.())
  }

  /** Everything told so far. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Resolves when at least `count` lines were told. @throws {Error} when the process ended before. */
  async told(count: number): Promise<readonly string[]> {
    while (this.#lines.length < count) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(
          `Cannot wait for line ${count}: the worker ended after ${this.#lines.length}: ${this.#errors}`,
        )
      }
      await new Promise<void>((resolve) => {
        this.#whenTold = resolve
      })
    }
    return this.#lines
  }

  /** Sends an order and answers the line that the process told next. */
  async order(line: string): Promise<string | undefined> {
    const before = this.#lines.length
    this.#child.stdin?.write(`${line}\n`)
    return (await this.told(before + 1))[before]
  }

  /** Resolves when the process ended by itself. @throws {Error} with what it wrote when it failed. */
  async finished(): Promise<void> {
    this.#child.stdin?.end()
    await this.#ended
    if (this.#child.exitCode !== 0) throw new Error(`The worker failed: ${this.#errors}`)
  }

  /** Kills the process as a crash would, and resolves when it is gone and everything it told has arrived. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
