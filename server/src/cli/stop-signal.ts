/** Something that asked the process to end, and keeps listening. */
export type StopSignal = {
  /** Resolves with the first signal to stop. */
  readonly first: Promise<NodeJS.Signals>
}

/**
 * Signals within this time are one request to stop: who ends a whole process group also has npm pass its signal on,
 * so that it arrives twice.
 */
const ONE_REQUEST_MS = 1_000

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const

/** Waits for SIGTERM or SIGINT. A later, second one ends the process at once, with exit code 128 + its number. */
export function listenForStop(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstAt: number | undefined
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (firstAt !== undefined && performance.now() - firstAt > ONE_REQUEST_MS) process.exit(128 + number)
      firstAt ??= performance.now()
      resolve(signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM')
    })
  }
  return { first: promise }
}
