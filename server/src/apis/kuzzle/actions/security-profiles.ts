import type { Policy } from '../../../core/access/profile.ts'
import type { Action, Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import { firstRestriction, parseProfile, parseProfileChange } from '../profile-shape.ts'
import type { KuzzleRequest } from '../request.ts'
import { profileDocument } from '../security-documents.ts'
import { parseProfileId } from '../security-ids.ts'
import { deletionResult, idsToDelete, idsToFetch } from './security-batches.ts'
import { checkRetries } from './security-retries.ts'

/** Profiles; `update` merges, as in Kuzzle. */
export const profileActions: Controller = {
  createProfile: {
    routes: [{ verb: 'POST', path: '/profiles/:_id/_create' }],
    run: writeProfile('create'),
  },

  createOrReplaceProfile: {
    routes: [{ verb: 'PUT', path: '/profiles/:_id' }],
    run: writeProfile('createOrReplace'),
  },

  updateProfile: {
    routes: [{ verb: 'PUT', path: '/profiles/:_id/_update' }],
    async run(request, { authority, caller }) {
      const id = parseProfileId(request.id())
      const change = parseProfileChange(id, request.bodyObjectWhole())
      checkRestrictions(request, change.policies ?? [])
      checkRetries(request)
      return profileDocument(await authority.profiles.update(caller, id, change))
    },
  },

  deleteProfile: {
    routes: [{ verb: 'DELETE', path: '/profiles/:_id' }],
    async run(request, { authority, caller }) {
      const id = parseProfileId(request.id())
      await authority.profiles.remove(caller, id, ASSIGNED_USERS[assignedUsers(request)])
      return { _id: id }
    },
  },

  mDeleteProfiles: {
    routes: [{ verb: 'POST', path: '/profiles/_mDelete' }],
    async run(request, { authority, caller, server }) {
      const ids = idsToDelete(request, server).map(parseProfileId)
      return deletionResult(await authority.profiles.removeMany(caller, ids))
    },
  },

  getProfile: {
    routes: [{ verb: 'GET', path: '/profiles/:_id' }],
    run: async (request, { authority }) =>
      profileDocument(await authority.profiles.get(parseProfileId(request.id()))),
  },

  mGetProfiles: {
    routes: [{ verb: 'POST', path: '/profiles/_mGet' }],
    async run(request, { authority, server }) {
      const profiles = await authority.profiles.getMany(
        idsToFetch(request.bodyStrings('ids'), server).map(parseProfileId),
      )
      return { hits: profiles.map(profileDocument) }
    },
  },
}

function writeProfile(write: 'create' | 'createOrReplace'): Action['run'] {
  return async (request, { authority, caller }) => {
    const id = parseProfileId(request.id())
    const body = request.bodyObjectWhole()
    request.bodyArray('policies')
    const profile = parseProfile(id, body)
    checkRestrictions(request, profile.policies)
    return profileDocument(await authority.profiles[write](caller, id, profile))
  }
}

/** There are no indexes here, so a strict profile cannot be restricted to any. */
function checkRestrictions(request: KuzzleRequest, policies: readonly Policy[]): void {
  const restriction = firstRestriction(policies)
  if (restriction !== undefined && request.boolean('strict')) {
    fail('services.storage.unknown_index', restriction.index)
  }
}

const ASSIGNED_USERS = { fail: 'refuse', remove: 'unassign' } as const

function assignedUsers(request: KuzzleRequest): keyof typeof ASSIGNED_USERS {
  const choice = request.optionalString('onAssignedUsers') ?? 'fail'
  if (choice === 'fail' || choice === 'remove') return choice
  return fail('api.assert.invalid_argument', 'onAssignedUsers', '"fail" or "remove"')
}
