import type { FoundKey, KeyNotes } from './api-key.ts'
import type { KeyVerdict } from './verdict.ts'

/** A found key with room for notes, frozen as its key is: what storage drivers remember. */
export function withNotes(found: FoundKey): FoundKey {
  Object.freeze(found.key)
  return Object.freeze(Object.defineProperty(found, 'notes', { value: createKeyNotes(), enumerable: false }))
}

function createKeyNotes(): KeyNotes {
  return {
    usesAt: -1,
    verifyText: undefined,
    authorizeText: undefined,
    textsOf: undefined,
    granted: undefined,
  }
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

/** The notes, without texts that were made when its scopes came to something else. */
export function notesFor(found: FoundKey, permissions: KeyVerdict['permissions']): KeyNotes {
  const notes = notesOf(found)
  if (notes.textsOf !== permissions) {
    notes.textsOf = permissions
    notes.verifyText = undefined
    notes.authorizeText = undefined
  }
  return notes
}
