import type { z } from 'zod'
import { Problem, type ProblemCode } from './problem.ts'

/**
 * An id of a path, as the use cases want it.
 *
 * @throws {Problem} with `missing` for a text that can be the id of nothing.
 */
export function parseId<Id>(schema: z.ZodType<Id>, text: string, missing: ProblemCode): Id {
  const parsed = schema.safeParse(text)
  if (parsed.success && isKept(text)) return parsed.data
  throw new Problem(missing, 'Cannot find it: nothing has an id like this')
}

/** No store keeps this character faithfully, so two ids that differ in it could become one. */
function isKept(text: string): boolean {
  return !text.includes('\u0000')
}
