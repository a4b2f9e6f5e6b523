/** What `answer` gives, or what `instead` gives when that takes longer than `ms`. What comes later is left alone. */
export async function inTime<T, U>(answer: Promise<T>, ms: number, instead: () => U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<U>((resolve, reject) => {
    timer = setTimeout(() => {
      try {
        resolve(instead())
      } catch (error) {
        reject(error)
      }
    }, ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
