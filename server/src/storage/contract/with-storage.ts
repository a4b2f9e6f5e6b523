import type { Storage } from '../../core/ports/storage.ts'

/** Runs a test body on an empty storage and closes it afterwards. */
export type WithStorage = (body: (storage: Storage) => Promise<void>) => () => Promise<void>
