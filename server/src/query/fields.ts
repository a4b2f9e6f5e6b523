import type { FieldMapping, Mapping } from './mapping.ts'

/** Everything that can be searched. */
export type SearchableCollection = 'api-keys' | 'users' | 'profiles' | 'roles' | 'credentials'

const KEYWORD: FieldMapping = { type: 'keyword' }
const HEX: FieldMapping = { type: 'keyword', normalizer: 'lowercase' }
const DATE: FieldMapping = { type: 'date' }
const RECORD: FieldMapping = {
  properties: { author: KEYWORD, createdAt: DATE, updater: KEYWORD, updatedAt: DATE },
}

/**
 * The fields that a search can name, for each collection. One line here makes one more member of a document
 * searchable; users', profiles' and roles' own members are added at run time, as data.
 *
 * `ttl` is a keyword on purpose: Kuzzle maps it so, and clients see `"42" > "100"` in its ranges.
 */
export const SEARCHABLE_FIELDS: Readonly<Record<SearchableCollection, Mapping>> = {
  'api-keys': {
    properties: {
      userId: KEYWORD,
      description: { type: 'text' },
      expiresAt: { type: 'long' },
      ttl: KEYWORD,
      fingerprint: HEX,
      hash: HEX,
      token: KEYWORD,
      enabled: { type: 'boolean' },
      lastUsedAt: DATE,
      scopes: KEYWORD,
      metadata: { dynamic: 'keyword' },
      _kuzzle_info: RECORD,
    },
  },
  users: { properties: { profileIds: KEYWORD, _kuzzle_info: RECORD } },
  profiles: {
    properties: {
      tags: KEYWORD,
      policies: {
        properties: {
          roleId: KEYWORD,
          restrictedTo: { type: 'nested', properties: { index: KEYWORD, collections: KEYWORD } },
        },
      },
      _kuzzle_info: RECORD,
    },
  },
  roles: { properties: { tags: KEYWORD, controllers: { properties: {} }, _kuzzle_info: RECORD } },
  credentials: { properties: { username: KEYWORD, kuid: KEYWORD } },
}
