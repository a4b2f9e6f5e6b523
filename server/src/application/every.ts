/** Does something regularly until `stop`; does not keep the process alive. What it does must not throw. */
export function every(intervalMs: number, work: () => void): { stop(): void } {
  const timer = setInterval(work, intervalMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
