/** Runs a bounded number of works at once; `undefined` instead of a promise when too many wait already. */
export type WorkQueue = <T>(work: () => Promise<T>) => Promise<T> | undefined

/** First come, first served. */
export function createWorkQueue(bounds: {
  readonly atOnceMax: number
  readonly waitingMax: number
}): WorkQueue {
  const waiting: (() => void)[] = []
  let running = 0

  const turn = (): Promise<void> => {
    if (running < bounds.atOnceMax) {
      running++
      return Promise.resolve()
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
  const leave = (): void => {
    const next = waiting.shift()
    // The place of the one that leaves goes to the next in line, so `running` stays as it is.
    if (next === undefined) running--
    else next()
  }

  return (work) => {
    if (running >= bounds.atOnceMax && waiting.length >= bounds.waitingMax) return undefined
    return turn().then(work).finally(leave)
  }
}
