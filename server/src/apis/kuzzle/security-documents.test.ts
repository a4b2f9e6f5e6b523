import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import { profileDocument, roleDocument, userDocument } from './security-documents.ts'
import { parseProfileId, parseRoleId, parseUserId } from './security-ids.ts'

const record = { createdBy: parseUserId('adm'), createdAt: 1 }
const updated = { ...record, updatedBy: parseUserId('bob'), updatedAt: 2 }

describe('security documents', () => {
  it('show a user with its members, profiles and record, and null where nothing was updated', () => {
    const user = { id: parseUserId('u'), profileIds: [parseProfileId('p')], content: { name: 'U' }, record }
    assert.deepEqual(userDocument(user), {
      _id: 'u',
      _source: {
        name: 'U',
        profileIds: ['p'],
        _kuzzle_info: { author: 'adm', createdAt: 1, updatedAt: null, updater: null },
      },
    })
  })

  it('show no record of the anonymous user, who is stored nowhere', () => {
    const user = {
      id: ANONYMOUS_ID,
      profileIds: [parseProfileId('anonymous')],
      content: { name: 'Anonymous' },
      record,
    }
    assert.deepEqual(userDocument(user), {
      _id: '-1',
      _source: { name: 'Anonymous', profileIds: ['anonymous'] },
    })
  })

  it('show a role and a profile with all their members, tags only where there are some', () => {
    const controllers = { auth: { actions: { login: true } } }
    const info = { author: 'adm', createdAt: 1, updatedAt: 2, updater: 'bob' }
    assert.deepEqual(
      roleDocument({ id: parseRoleId('r'), controllers, content: { a: 1 }, record: updated }),
      {
        _id: 'r',
        _source: { a: 1, controllers, _kuzzle_info: info },
      },
    )
    const policies = [{ roleId: parseRoleId('r') }]
    assert.deepEqual(
      profileDocument({
        id: parseProfileId('p'),
        policies,
        rateLimit: 3,
        tags: ['t'],
        content: {},
        record: updated,
      }),
      { _id: 'p', _source: { policies, rateLimit: 3, tags: ['t'], _kuzzle_info: info } },
    )
  })

  it("do not let a user's own members replace its profiles", () => {
    const user = {
      id: parseUserId('u'),
      profileIds: [parseProfileId('p')],
      content: { profileIds: ['admin'] },
      record,
    }
    assert.deepEqual(userDocument(user)._source['profileIds'], ['p'])
  })
})
