import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fail, KUZZLE_ERRORS, KuzzleError, type KuzzleErrorId, printError } from './kuzzle-errors.ts'

/** Codes and statuses that Kuzzle 2.56 answers with. */
const KUZZLES_OWN: readonly (readonly [KuzzleErrorId, number, number])[] = [
  ['core.fatal.unexpected_error', 1, 500],
  ['core.fatal.service_unavailable', 2, 500],
  ['services.storage.unknown_index', 16842753, 412],
  ['services.storage.unknown_collection', 16842754, 412],
  ['services.storage.get_limit_exceeded', 16842755, 413],
  ['services.storage.write_limit_exceeded', 16842756, 413],
  ['services.storage.incomplete_delete', 16842761, 206],
  ['services.storage.not_found', 16842763, 404],
  ['services.storage.unknown_scroll_id', 16842766, 404],
  ['services.storage.search_as_an_id', 16842767, 400],
  ['services.storage.document_already_exists', 16842769, 400],
  ['services.storage.too_many_changes', 16842784, 500],
  ['services.storage.unexpected_bad_request', 16842785, 400],
  ['services.storage.unexpected_error', 16842787, 500],
  ['services.storage.invalid_search_query', 16842792, 400],
  ['services.storage.scroll_duration_too_great', 16842796, 400],
  ['services.storage.unknown_query_keyword', 16842797, 400],
  ['services.storage.invalid_query_keyword', 16842799, 400],
  ['api.assert.invalid_type', 33619969, 400],
  ['api.assert.invalid_argument', 33619970, 400],
  ['api.assert.missing_argument', 33619971, 400],
  ['api.assert.empty_argument', 33619972, 400],
  ['api.assert.mutually_exclusive', 33619973, 400],
  ['api.assert.unexpected_argument', 33619975, 400],
  ['api.assert.body_required', 33619976, 400],
  ['api.assert.forbidden_argument', 33619979, 400],
  ['api.assert.koncorde_restricted_keyword', 33619981, 400],
  ['api.process.action_locked', 33685505, 412],
  ['api.process.overloaded', 33685506, 503],
  ['api.process.connection_dropped', 33685507, 400],
  ['api.process.controller_not_found', 33685508, 404],
  ['api.process.action_not_found', 33685509, 404],
  ['api.process.incompatible_sdk_version', 33685510, 400],
  ['api.process.shutting_down', 33685511, 503],
  ['api.process.too_many_requests', 33685512, 429],
  ['api.process.admin_exists', 33685513, 412],
  ['api.process.not_enough_nodes', 33685515, 503],
  ['api.process.unauthorized_origin', 33685516, 401],
  ['api.process.too_many_logins_requests', 33685517, 429],
  ['network.http.request_too_large', 50397185, 413],
  ['network.http.unexpected_error', 50397186, 400],
  ['network.http.too_many_encodings', 50397187, 400],
  ['network.http.unsupported_compression', 50397188, 400],
  ['network.http.compression_disabled', 50397189, 400],
  ['network.http.unsupported_verb', 50397190, 400],
  ['network.http.url_not_found', 50397191, 404],
  ['network.http.unsupported_content', 50397192, 400],
  ['network.http.unsupported_charset', 50397193, 400],
  ['network.http.volatile_parse_failed', 50397195, 400],
  ['network.http.body_parse_failed', 50397196, 400],
  ['network.http.file_too_large', 50397197, 413],
  ['network.mqtt.unexpected_error', 50462721, 400],
  ['network.websocket.unexpected_error', 50528257, 400],
  ['network.websocket.ratelimit_exceeded', 50528258, 429],
  ['network.entrypoint.shutting_down', 50593795, 503],
  ['plugin.runtime.unexpected_error', 67239938, 500],
  ['plugin.strategy.unknown_kuid', 67305489, 500],
  ['plugin.strategy.missing_user', 67305492, 401],
  ['plugin.strategy.missing_optional_method', 67305493, 500],
  ['security.token.invalid', 117506049, 401],
  ['security.token.unknown_user', 117506050, 500],
  ['security.token.ttl_exceeded', 117506052, 400],
  ['security.token.generation_failed', 117506053, 500],
  ['security.token.expired', 117506054, 401],
  ['security.token.verification_error', 117506055, 500],
  ['security.token.refresh_forbidden', 117506056, 401],
  ['security.token.invalid_expiration', 117506057, 400],
  ['security.credentials.unknown_strategy', 117571585, 400],
  ['security.credentials.database_inconsistency', 117571586, 500],
  ['security.credentials.rejected', 117571587, 400],
  ['security.rights.unauthorized', 117637121, 401],
  ['security.rights.forbidden', 117637122, 403],
  ['security.rights.failsafe_mode_admin_only', 117637123, 403],
  ['security.user.already_exists', 117702657, 412],
  ['security.user.not_found', 117702658, 404],
  ['security.user.anonymous_profile_required', 117702659, 400],
  ['security.user.cannot_hydrate', 117702660, 500],
  ['security.user.prevent_overwrite', 117702662, 400],
  ['security.user.no_profile', 117702663, 500],
  ['security.role.not_found', 117768193, 404],
  ['security.role.login_required', 117768194, 400],
  ['security.role.cannot_delete', 117768195, 400],
  ['security.role.in_use', 117768196, 412],
  ['security.role.unknown_controller', 117768201, 400],
  ['security.role.unknown_action', 117768202, 400],
  ['security.profile.not_found', 117833729, 404],
  ['security.profile.cannot_delete', 117833730, 400],
  ['security.profile.in_use', 117833731, 412],
  ['security.profile.cannot_hydrate', 117833732, 500],
  ['security.profile.missing_anonymous_role', 117833733, 400],
  ['security.cookie.invalid', 117899265, 401],
  ['security.cookie.unsupported', 117899266, 500],
  ['services.koncorde.elastic_translation_error', 0x01050001, 400],
  ['api.assert.koncorde_dsl_error', 0x0201000e, 400],
]

describe('errors', () => {
  it("have Kuzzle's own codes and statuses", () => {
    for (const [id, code, status] of KUZZLES_OWN) {
      assert.equal(KUZZLE_ERRORS[id].code, code, id)
      assert.equal(KUZZLE_ERRORS[id].status, status, id)
    }
  })

  it('have no code twice', () => {
    const codes = Object.values(KUZZLE_ERRORS).map(({ code }) => code)
    assert.equal(new Set(codes).size, codes.length)
  })

  it('show their values in the message and as `props`', () => {
    assert.deepEqual(printError(new KuzzleError('api.assert.invalid_type', ['size', 'integer'])), {
      message: 'Wrong type for argument "size" (expected: integer)',
      status: 400,
      id: 'api.assert.invalid_type',
      code: 33619969,
      props: ['size', 'integer'],
    })
  })

  it('print lists as Kuzzle does', () => {
    const error = new KuzzleError('api.assert.unexpected_argument', ['x', ['users', 'roles']])
    assert.equal(error.message, `Unexpected argument "x" (accepted arguments: [ 'users', 'roles' ])`)
  })

  it('leave no placeholder for a missing value and append no surplus one', () => {
    assert.equal(
      new KuzzleError('security.role.unknown_controller', ['r', 'c']).message,
      "Trying to set role r with a non-existing controller 'c'.",
    )
    assert.equal(
      new KuzzleError('security.rights.unauthorized', ['auth', 'logout', '-1']).message,
      'Unauthorized: authentication required to execute the action "auth:logout".',
    )
  })

  it('keep values that look like placeholders as they are', () => {
    assert.equal(new KuzzleError('security.user.not_found', ['%s$&']).message, 'User "%s$&" not found.')
  })

  it('without an id show only message and status', () => {
    assert.deepEqual(printError(new KuzzleError({ status: 412, message: 'No.' })), {
      message: 'No.',
      status: 412,
    })
  })

  it('of a batch list what went wrong with each part', () => {
    const part = new KuzzleError('security.user.not_found', ['bob'])
    const printed = printError(new KuzzleError('services.storage.incomplete_delete', [['bob']], [part]))
    assert.equal(printed.status, 206)
    assert.equal(printed.count, 1)
    assert.equal(printed.errors?.[0]?.id, 'security.user.not_found')
  })

  it('are thrown by `fail`', () => {
    assert.throws(() => fail('security.token.invalid'), { id: 'security.token.invalid', status: 401 })
  })
})
