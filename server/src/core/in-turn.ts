/** Runs works of the same name one after the other, works of different names side by side. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>

/**
 * For changes that read, think and write where the store cannot do it in one step. It orders what this process does;
 * it holds memory only for names at work.
 */
export function createInTurn(): InTurn {
  const tails = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const before = tails.get(name) ?? Promise.resolve()
    const result = before.then(work)
    const tail = result.catch(() => undefined)
    tails.set(name, tail)
    try {
      return await result
    } finally {
      if (tails.get(name) === tail) tails.delete(name)
    }
  }
}
