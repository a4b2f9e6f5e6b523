import type { Context } from '../context.ts'
import type { KeyId, UserId } from '../ids.ts'

/** Keys of an owner that is removed whose uses are written before; those of further ones are lost, of a few seconds. */
const OWNERS_KEYS_MAX = 1_000

/**
 * Writes uses of keys that are about to end, since a key that ended is counted no more. When that fails, they end all the
 * same.
 */
export async function writeUses({ uses }: Context, ids: readonly KeyId[]): Promise<void> {
  await uses.writeKeys(ids).catch(() => undefined)
}

/** As `writeUses`, of the keys of an owner that is about to be removed with them. */
export async function writeUsesOfOwner(context: Context, owner: UserId): Promise<void> {
  const { storage, clock } = context
  const page = { limit: OWNERS_KEYS_MAX }
  const listed = await storage.keys.list({ owner, now: clock.now() }, page).catch(() => undefined)
  if (listed === undefined) return
  await writeUses(
    context,
    listed.keys.map((entry) => ('revocation' in entry ? entry.key.id : entry.id)),
  )
}
