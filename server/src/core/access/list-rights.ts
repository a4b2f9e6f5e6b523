import type { RightsSource } from './evaluate-rights.ts'
import type { Policy, Profile } from './profile.ts'
import type { RightEntry } from './rights.ts'
import type { Role } from './role.ts'

/**
 * Every right of the profiles together: one entry for each controller, action, index and collection, in the order in
 * which they are found. Where several roles speak about the same, `allowed` wins.
 */
export async function listRights(
  source: RightsSource,
  profileIds: readonly Profile['id'][],
): Promise<readonly RightEntry[]> {
  const entries = new Map<string, RightEntry>()
  for (const profileId of profileIds) {
    const profile = await source.findProfile(profileId)
    for (const policy of profile?.policies ?? []) {
      const role = await source.findRole(policy.roleId)
      if (role === undefined) continue
      for (const entry of entriesOf(policy, role)) {
        const name = JSON.stringify([entry.controller, entry.action, entry.index, entry.collection])
        if (entries.get(name)?.value !== 'allowed') entries.set(name, entry)
      }
    }
  }
  return [...entries.values()]
}

function entriesOf(policy: Policy, role: Role): readonly RightEntry[] {
  const places = placesOf(policy)
  return Object.entries(role.controllers).flatMap(([controller, { actions }]) =>
    Object.entries(actions).flatMap(([action, allowed]) =>
      places.map((place) => ({
        controller,
        action,
        ...place,
        value: allowed ? ('allowed' as const) : ('denied' as const),
      })),
    ),
  )
}

type Place = { readonly index: string; readonly collection: string }

function placesOf({ restrictedTo = [] }: Policy): readonly Place[] {
  if (restrictedTo.length === 0) return [{ index: '*', collection: '*' }]
  return restrictedTo.flatMap(({ index, collections = [] }) =>
    (collections.length === 0 ? ['*'] : collections).map((collection) => ({ index, collection })),
  )
}
