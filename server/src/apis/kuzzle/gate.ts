import { fail } from './kuzzle-errors.ts'

/** How many tasks may run and wait. */
export type GateLimits = {
  readonly runningMax: number
  readonly waitingMax: number
  /** So many waiting tasks are worth a warning. */
  readonly warnAt: number
}

/** Lets so many tasks run at a time, and so many wait in order; the rest is refused. */
export interface Gate {
  readonly running: number
  readonly waiting: number
  /** Whether a task that comes now would be let in or wait. */
  readonly isOpen: boolean
  /**
   * Runs a task in its turn. One that had to wait is given up when `isGone` tells that nobody wants it any more, so that
   * those who come and go cannot make others wait.
   *
   * @throws {KuzzleError} `api.process.overloaded`, `api.process.shutting_down`, `api.process.connection_dropped`, and
   *   whatever the task throws.
   */
  pass<T>(task: () => Promise<T>, isGone?: () => boolean): Promise<T>
  /** From now on refuses tasks; those that were let in are finished. */
  close(): void
}

/** `onCrowd` is called when `warnAt` tasks wait, and again only after all of them had their turn. */
export function createGate(limits: GateLimits, onCrowd: (waiting: number) => void): Gate {
  let running = 0
  let closed = false
  // Taken from the front by position, so that a long queue costs no more than a short one.
  let queue: (() => void)[] = []
  let first = 0
  let isCrowded = false

  const waiting = () => queue.length - first
  const leave = (): void => {
    const next = queue[first]
    if (next === undefined) {
      running -= 1
      isCrowded = false
      return
    }
    first += 1
    if (first === queue.length || first > COMPACT_AT) {
      queue = queue.slice(first)
      first = 0
    }
    next()
  }
  const enter = (): Promise<void> =>
    new Promise((resolve) => {
      queue.push(resolve)
      if (isCrowded || waiting() < limits.warnAt) return
      isCrowded = true
      onCrowd(waiting())
    })

  return {
    get running() {
      return running
    },
    get waiting() {
      return waiting()
    },
    get isOpen() {
      return !closed && (running < limits.runningMax || waiting() < limits.waitingMax)
    },
    async pass(task, isGone = () => false) {
      if (closed) return fail('api.process.shutting_down')
      const waits = running >= limits.runningMax
      if (waits && waiting() >= limits.waitingMax) return fail('api.process.overloaded')
      // The task that ends hands its place over, so that `running` stays as it is.
      if (waits) await enter()
      else running += 1
      try {
        return waits && isGone() ? fail('api.process.connection_dropped') : await task()
      } finally {
        leave()
      }
    },
    close() {
      closed = true
    },
  }
}

const COMPACT_AT = 1_024
