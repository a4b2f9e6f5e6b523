/** How long searches go on before other requests get their turn, in ms. */
const TURN_MS = 4

const waiting: (() => void)[] = []
let startedAt = Number.NEGATIVE_INFINITY

/**
 * Gives the event loop its turn when searches, all together, have computed for long enough since its last one: then a
 * promise to wait for, else undefined. To be asked between pieces of a search that take a few ms at most.
 *
 * In each turn of the event loop one search goes on, so that many of them delay a verification no more than one does.
 */
export function yieldIfLong(): Promise<void> | undefined {
  if (performance.now() - startedAt < TURN_MS) return undefined
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(goOn)
  })
}

function goOn(): void {
  startedAt = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(goOn)
}
