import { DomainError } from '../../../core/errors.ts'
import type { Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import { parseRole } from '../role-shape.ts'
import { roleDocument } from '../security-documents.ts'
import { parseRoleId } from '../security-ids.ts'
import { deletionResult, idsToDelete, idsToFetch } from './security-batches.ts'
import { checkRetries } from './security-retries.ts'

/** Roles; `update` replaces, as in Kuzzle. */
export const roleActions: Controller = {
  createRole: {
    routes: [{ verb: 'POST', path: '/roles/:_id/_create' }],
    async run(request, { authority, caller }) {
      const id = parseRoleId(request.id())
      const role = parseRole(id, request.bodyObjectWhole())
      return roleDocument(await authority.roles.create(caller, id, role, request.boolean('force')))
    },
  },

  createOrReplaceRole: {
    routes: [{ verb: 'PUT', path: '/roles/:_id' }],
    async run(request, { authority, caller }) {
      const id = parseRoleId(request.id())
      const role = parseRole(id, request.bodyObjectWhole())
      return roleDocument(await authority.roles.createOrReplace(caller, id, role, request.boolean('force')))
    },
  },

  updateRole: {
    routes: [{ verb: 'PUT', path: '/roles/:_id/_update' }],
    async run(request, { authority, caller }) {
      const id = parseRoleId(request.id())
      const role = parseRole(id, request.bodyObjectWhole())
      checkRetries(request)
      const updated = authority.roles.update(caller, id, role, request.boolean('force'))
      return roleDocument(await updated.catch((error: unknown) => refuseUpdate(id, error)))
    },
  },

  deleteRole: {
    routes: [{ verb: 'DELETE', path: '/roles/:_id' }],
    async run(request, { authority, caller }) {
      const id = parseRoleId(request.id())
      await authority.roles.remove(caller, id)
      return { _id: id }
    },
  },

  mDeleteRoles: {
    routes: [{ verb: 'POST', path: '/roles/_mDelete' }],
    async run(request, { authority, caller, server }) {
      const ids = idsToDelete(request, server).map(parseRoleId)
      return deletionResult(await authority.roles.removeMany(caller, ids))
    },
  },

  getRole: {
    routes: [{ verb: 'GET', path: '/roles/:_id' }],
    run: async (request, { authority }) => roleDocument(await authority.roles.get(parseRoleId(request.id()))),
  },

  mGetRoles: {
    routes: [{ verb: 'POST', path: '/roles/_mGet' }],
    async run(request, { authority, server }) {
      const roles = await authority.roles.getMany(
        idsToFetch(request.bodyStrings('ids'), server).map(parseRoleId),
      )
      return { hits: roles.map(roleDocument) }
    },
  },
}

/** Kuzzle looks a role up before everything but an update, which therefore fails with the store's own words. */
function refuseUpdate(id: string, error: unknown): never {
  const isMissing = error instanceof DomainError && error.code === 'role.not_found'
  if (isMissing) return fail('services.storage.not_found', id, 'kuzzle', 'roles')
  throw error
}
