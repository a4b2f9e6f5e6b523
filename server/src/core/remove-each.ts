import { DomainError } from './errors.ts'
import type { BatchDeletion } from './key-authority.ts'

/** Removes one after the other, ids that are named twice once; a refusal of one does not stop the rest. Callers bound the number of ids. */
export async function removeEach<Id extends string>(
  ids: readonly Id[],
  remove: (id: Id) => Promise<void>,
): Promise<BatchDeletion> {
  const deleted: string[] = []
  const errors: { readonly id: string; readonly error: DomainError }[] = []
  for (const id of new Set(ids)) {
    try {
      await remove(id)
      deleted.push(id)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      errors.push({ id, error })
    }
  }
  return { deleted, errors }
}
