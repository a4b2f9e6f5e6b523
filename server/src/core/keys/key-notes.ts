import type { FoundKey, KeyNotes } from './api-key.ts'

/** A found key with room for notes, frozen as its key is: what storage drivers remember. */
export function withNotes(found: FoundKey): FoundKey {
  Object.freeze(found.key)
  return Object.freeze(Object.defineProperty(found, 'notes', { value: createKeyNotes(), enumerable: false }))
}

function createKeyNotes(): KeyNotes {
  return { usesAt: -1, verifyText: undefined, authorizeText: undefined }
}

/** Of found keys that came without notes. */
const loose = new WeakMap<FoundKey, KeyNotes>()

/** The notes of a found key; they live as long as it does. */
export function notesOf(found: FoundKey): KeyNotes {
  if (found.notes !== undefined) return found.notes
  const known = loose.get(found)
  if (known !== undefined) return known
  const notes = createKeyNotes()
  loose.set(found, notes)
  return notes
}
