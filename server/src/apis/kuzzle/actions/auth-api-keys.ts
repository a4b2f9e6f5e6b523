import type { Controller } from '../action.ts'
import { apiKeyDocument, issuedKeyDocument, keySearchOf } from '../api-key-documents.ts'
import { parseKeyTtl } from '../expires-in.ts'
import { parseKeyId } from '../security-ids.ts'

/** API keys that users keep for themselves. */
export const ownKeyActions: Controller = {
  createApiKey: {
    routes: [{ verb: 'POST', path: '/api-keys/_create' }],
    async run(request, { authority, caller }) {
      const description = request.bodyString('description')
      const ttlMs = parseKeyTtl(request.args.get('expiresIn'))
      const id = request.optionalId()
      const issued = await authority.keys.issueForSelf(caller, {
        description,
        ...(id !== undefined && { id: parseKeyId(id) }),
        ...(ttlMs !== undefined && { ttlMs }),
      })
      return issuedKeyDocument(issued)
    },
  },

  searchApiKeys: {
    routes: [
      { verb: 'POST', path: '/api-keys/_search' },
      // Kuzzle's documentation says so, its code does not.
      { verb: 'POST', path: '/users/api-keys/_search', published: false },
    ],
    async run(request, context) {
      const search = await keySearchOf(request, context)
      const { hits, total } = await context.authority.keys.find(context.caller.user.id, search)
      return { hits: hits.map(apiKeyDocument), total }
    },
  },

  deleteApiKey: {
    routes: [{ verb: 'DELETE', path: '/api-keys/:_id' }],
    async run(request, { authority, caller }) {
      const id = request.id()
      await authority.keys.revoke(caller, caller.user.id, parseKeyId(id))
      return { _id: id }
    },
  },
}
