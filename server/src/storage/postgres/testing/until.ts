/** How long something may take that is only a matter of time, in ms. */
const PATIENCE_MS = 60_000

/** How long to wait before asking again, in ms. */
const PAUSE_MS = 2

/**
 * Resolves as soon as something is so.
 *
 * @throws {Error} when it never is.
 */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > deadline)
      throw new Error(`Cannot wait any longer: it is not so after ${PATIENCE_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
