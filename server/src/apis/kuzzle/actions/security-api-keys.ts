import type { Controller } from '../action.ts'
import { apiKeyDocument, issuedKeyDocument, keySearchOf } from '../api-key-documents.ts'
import { parseKeyTtl } from '../expires-in.ts'
import { parseScrollDuration } from '../scroll-duration.ts'
import { parseKeyId, parseUserId } from '../security-ids.ts'

/** API keys of any user. */
export const apiKeyActions: Controller = {
  createApiKey: {
    routes: [{ verb: 'POST', path: '/users/:userId/api-keys/_create' }],
    async run(request, { authority, caller }) {
      const owner = parseUserId(request.string('userId'))
      const description = request.bodyString('description')
      const ttlMs = parseKeyTtl(request.args.get('expiresIn'))
      const id = request.optionalId()
      const issued = await authority.keys.issueFor(caller, {
        owner,
        description,
        ...(id !== undefined && { id: parseKeyId(id) }),
        ...(ttlMs !== undefined && { ttlMs }),
      })
      return issuedKeyDocument(issued)
    },
  },

  searchApiKeys: {
    routes: [{ verb: 'POST', path: '/users/:userId/api-keys/_search' }],
    async run(request, context) {
      const owner = parseUserId(request.string('userId'))
      // Kuzzle checks the duration, opens a scroll, and never answers its id. Only the check can be seen.
      parseScrollDuration(request, context.server.settings)
      const { hits, total } = await context.authority.keys.find(owner, await keySearchOf(request, context))
      return { hits: hits.map(apiKeyDocument), total }
    },
  },

  deleteApiKey: {
    routes: [{ verb: 'DELETE', path: '/users/:userId/api-keys/:_id' }],
    async run(request, { authority, caller }) {
      const owner = parseUserId(request.string('userId'))
      const id = parseKeyId(request.id())
      await authority.keys.revoke(caller, owner, id)
      return { _id: id }
    },
  },
}
