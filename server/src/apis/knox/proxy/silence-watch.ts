/** Silence is noticed at most a quarter too late. */
const LOOKS = 4

/** Watches that something moves. */
export type SilenceWatch = {
  /** Begins anew: from now on nothing may move for this long, in ms. */
  begin(silenceMaxMs: number): void
  stop(): void
}

/** `moved`: a number that changes whenever something moves. `silent` is called once, and never after `stop`. */
export function createSilenceWatch(moved: () => number, silent: () => void): SilenceWatch {
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => clearInterval(timer)
  return {
    begin(silenceMaxMs) {
      stop()
      let last = moved()
      let looks = 0
      timer = setInterval(
        () => {
          const now = moved()
          looks = now === last ? looks + 1 : 0
          last = now
          if (looks < LOOKS) return
          stop()
          silent()
        },
        Math.max(1, Math.ceil(silenceMaxMs / LOOKS)),
      )
    },
    stop,
  }
}
