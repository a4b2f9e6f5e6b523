/** Numbers of the domains and subdomains that Kuzzle's error codes are made of. */
const SUBDOMAINS = {
  'core.fatal': 0x0000,
  'services.storage': 0x0101,
  'services.koncorde': 0x0105,
  'api.assert': 0x0201,
  'api.process': 0x0202,
  'network.http': 0x0301,
  'network.mqtt': 0x0302,
  'network.websocket': 0x0303,
  'network.entrypoint': 0x0304,
  'plugin.runtime': 0x0402,
  'plugin.strategy': 0x0403,
  'security.token': 0x0701,
  'security.credentials': 0x0702,
  'security.rights': 0x0703,
  'security.user': 0x0704,
  'security.role': 0x0705,
  'security.profile': 0x0706,
  'security.cookie': 0x0707,
  // Ours: Kuzzle has no such limits.
  'security.apikey': 0x0780,
} as const

type Definition = readonly [number: number, status: number, template: string]

/** Every error by subdomain: its number there, status, and message with `%s` for each of its values. */
const DEFINITIONS = {
  'core.fatal.unexpected_error': [1, 500, 'Caught an unexpected error: %s.'],
  'core.fatal.service_unavailable': [2, 500, 'Service unavailable: %s.'],
  'services.storage.unknown_index': [1, 412, 'The index "%s" does not exist.'],
  'services.storage.unknown_collection': [2, 412, 'The collection "%s":"%s" does not exist.'],
  'services.storage.get_limit_exceeded': [
    3,
    413,
    'The number of documents returned by this request exceeds the configured server limit.',
  ],
  'services.storage.write_limit_exceeded': [
    4,
    413,
    'The number of documents edited by this request exceeds the configured server limit.',
  ],
  'services.storage.incomplete_delete': [9, 206, "Couldn't delete all the requested documents: %s"],
  'services.storage.not_found': [11, 404, 'Document "%s" not found in "%s":"%s".'],
  'services.storage.unknown_scroll_id': [14, 404, 'Non-existing or expired scroll identifier.'],
  'services.storage.search_as_an_id': [15, 400, '_search is not a valid document identifier'],
  'services.storage.document_already_exists': [17, 400, 'Document already exists.'],
  'services.storage.too_many_changes': [
    32,
    500,
    'Unable to modify document "%s": cluster sync failed (too many simultaneous changes applied)',
  ],
  'services.storage.unexpected_bad_request': [33, 400, '%s'],
  'services.storage.unexpected_error': [35, 500, '%s'],
  'services.storage.invalid_search_query': [
    40,
    400,
    'The argument "%s" is not allowed at this level of a search query.',
  ],
  'services.storage.scroll_duration_too_great': [44, 400, 'Scroll duration "%s" is too great.'],
  'services.storage.unknown_query_keyword': [
    45,
    400,
    'The keyword "%s" is not part of Elasticsearch Query DSL. Are you trying to use a Koncorde query?',
  ],
  'services.storage.invalid_query_keyword': [47, 400, 'The "%s" keyword is not allowed in this query.'],
  // Ours: nothing is wrong with the request, and it may be sent again later.
  'services.storage.unavailable': [128, 503, 'The storage cannot be used at the moment.'],
  'services.koncorde.elastic_translation_error': [
    1,
    400,
    'An error occured while translating a Koncorde filter to an Elasticsearch query: %s',
  ],
  'api.assert.invalid_type': [1, 400, 'Wrong type for argument "%s" (expected: %s)'],
  'api.assert.invalid_argument': [2, 400, 'Invalid argument "%s". Expected: %s'],
  'api.assert.missing_argument': [3, 400, 'Missing argument "%s".'],
  'api.assert.empty_argument': [4, 400, 'The argument "%s" is empty.'],
  'api.assert.mutually_exclusive': [5, 400, 'Arguments "%s" and "%s" are mutually exclusive'],
  'api.assert.unexpected_argument': [7, 400, 'Unexpected argument "%s" (accepted arguments: %s)'],
  'api.assert.body_required': [8, 400, 'The request must specify a body.'],
  'api.assert.forbidden_argument': [11, 400, 'The argument "%s" is not allowed by this API action.'],
  'api.assert.koncorde_restricted_keyword': [
    13,
    400,
    'The %s "%s" of Koncorde DSL is not supported for search queries.',
  ],
  'api.assert.koncorde_dsl_error': [14, 400, '%s'],
  'api.process.action_locked': [1, 412, 'Cannot execute action "%s": already executing.'],
  'api.process.overloaded': [2, 503, 'Request discarded: Kuzzle Server is temporarily overloaded.'],
  'api.process.connection_dropped': [3, 400, 'Client connection dropped'],
  'api.process.controller_not_found': [4, 404, 'API controller "%s" not found.'],
  'api.process.action_not_found': [5, 404, 'API action "%s":"%s" not found'],
  'api.process.incompatible_sdk_version': [
    6,
    400,
    'Incompatible SDK client. Your SDK version (%s) does not match Kuzzle requirement (%s).',
  ],
  'api.process.shutting_down': [7, 503, 'Rejected: this node is shutting down.'],
  'api.process.too_many_requests': [8, 429, 'Rejected: requests rate limit exceeded for this user.'],
  'api.process.admin_exists': [9, 412, 'Admin user is already set.'],
  'api.process.not_enough_nodes': [
    11,
    503,
    "Rejected: this cluster is disabled because there aren't enough nodes connected.",
  ],
  'api.process.unauthorized_origin': [12, 401, 'The origin "%s" is not authorized.'],
  'api.process.too_many_logins_requests': [13, 429, 'Rejected: Too many login attempts per second'],
  'network.http.request_too_large': [1, 413, 'Maximum HTTP request size exceeded.'],
  'network.http.unexpected_error': [2, 400, 'Caught an unexpected HTTP error: %s'],
  'network.http.too_many_encodings': [3, 400, 'Too many encodings.'],
  'network.http.unsupported_compression': [4, 400, 'Unsupported compression algorithm "%s".'],
  'network.http.compression_disabled': [5, 400, 'Compression support is disabled.'],
  'network.http.unsupported_verb': [6, 400, 'Unsupported HTTP verb "%s".'],
  'network.http.url_not_found': [7, 404, 'API URL not found: %s.'],
  'network.http.unsupported_content': [
    8,
    400,
    'Invalid request content-type. Expected "application/json", got: "%s".',
  ],
  'network.http.unsupported_charset': [9, 400, 'Unsupported request charset. Expected "utf-8", got: "%s".'],
  'network.http.volatile_parse_failed': [
    11,
    400,
    'Unable to convert the "x-kuzzle-volatile" HTTP header to JSON: %s',
  ],
  'network.http.body_parse_failed': [12, 400, 'Unable to convert the HTTP body to JSON: %s'],
  'network.http.file_too_large': [13, 413, 'Maximum HTTP file size exceeded'],
  'network.mqtt.unexpected_error': [1, 400, 'Caught an unexpected MQTT error: %s'],
  'network.websocket.unexpected_error': [1, 400, 'Caught an unexpected WebSocket error: %s'],
  'network.websocket.ratelimit_exceeded': [2, 429, 'Rejected: too many requests received from that socket'],
  'network.entrypoint.shutting_down': [3, 503, 'Rejected: instance is shutting down'],
  'plugin.runtime.unexpected_error': [2, 500, 'Caught an unexpected plugin error: %s'],
  'plugin.strategy.unknown_kuid': [17, 500, '%s returned an unknown Kuzzle user identifier.'],
  'plugin.strategy.missing_user': [20, 401, '%s'],
  'plugin.strategy.missing_optional_method': [
    21,
    500,
    '"%s" method is optional. The %s strategy plugin has not yet implemented it.',
  ],
  'security.token.invalid': [1, 401, 'Invalid token.'],
  'security.token.unknown_user': [2, 500, 'Unknown User : cannot generate token'],
  'security.token.ttl_exceeded': [4, 400, 'expiresIn value exceeds maximum allowed value'],
  'security.token.generation_failed': [5, 500, 'Error while generating token: %s'],
  'security.token.expired': [6, 401, 'Token expired'],
  'security.token.verification_error': [7, 500, 'Error verifying token: %s'],
  'security.token.refresh_forbidden': [8, 401, '%s cannot be refreshed.'],
  'security.token.invalid_expiration': [9, 400, 'Token can not be created with this expiration time: %s'],
  'security.credentials.unknown_strategy': [1, 400, 'Unknown authentication strategy "%s"'],
  'security.credentials.database_inconsistency': [
    2,
    500,
    'Internal database inconsistency detected: existing credentials found on non-existing user %s.',
  ],
  'security.credentials.rejected': [3, 400, 'Credentials rejected: %s'],
  'security.rights.unauthorized': [
    1,
    401,
    'Unauthorized: authentication required to execute the action "%s:%s".',
  ],
  'security.rights.forbidden': [
    2,
    403,
    'Insufficient permissions to execute the action "%s:%s" (User "%s").',
  ],
  'security.rights.failsafe_mode_admin_only': [
    3,
    403,
    'Only administrators ("admin" profile) can use the API in failsafe mode.',
  ],
  'security.user.already_exists': [1, 412, 'User %s already exists.'],
  'security.user.not_found': [2, 404, 'User "%s" not found.'],
  'security.user.anonymous_profile_required': [
    3,
    400,
    'The anonymous user must be assigned to the anonymous profile',
  ],
  'security.user.cannot_hydrate': [
    4,
    500,
    'Unable to hydrate the user "%s": missing profile(s) in the database',
  ],
  'security.user.prevent_overwrite': [6, 400, 'Cannot overwrite existing users.'],
  'security.user.no_profile': [
    7,
    500,
    'Cannot load user "%s": there is no security profiles associated to it',
  ],
  'security.role.not_found': [1, 404, 'Role "%s" not found.'],
  'security.role.login_required': [2, 400, 'Cannot remove the "login" action from the anonymous role.'],
  'security.role.cannot_delete': [
    3,
    400,
    'The following roles are protected and cannot be deleted: anonymous, default, admin',
  ],
  'security.role.in_use': [4, 412, 'The role "%s" is still used and cannot be deleted.'],
  'security.role.unknown_controller': [
    9,
    400,
    "Trying to set role %s with a non-existing controller '%s'. %s",
  ],
  'security.role.unknown_action': [
    10,
    400,
    "Trying to set role %s with a non-existing action '%s' in controller '%s'. %s",
  ],
  'security.profile.not_found': [1, 404, 'Profile "%s" not found.'],
  'security.profile.cannot_delete': [
    2,
    400,
    'The following profiles are protected and cannot be deleted: anonymous, default, admin',
  ],
  'security.profile.in_use': [3, 412, 'The profile "%s" is still used and cannot be deleted.'],
  'security.profile.cannot_hydrate': [
    4,
    500,
    'Unable to hydrate the profile "%s": missing role(s) in the database',
  ],
  'security.profile.missing_anonymous_role': [
    5,
    400,
    'The anonymous profile must include the anonymous role',
  ],
  'security.cookie.invalid': [1, 401, 'Invalid cookie.'],
  'security.cookie.unsupported': [2, 500, 'Cookie authentication not supported.'],
  'security.apikey.limit_reached': [1, 412, 'User "%s" already holds as many API keys as it may.'],
  'security.apikey.issuing_forbidden': [2, 403, 'An API key may not be used to issue keys or tokens.'],
  'security.apikey.outlives_issuer': [
    3,
    403,
    'An API key may not be used to issue a key or token that outlives it.',
  ],
  'security.apikey.policy_forbidden': [4, 403, 'What binds an API key may not be changed this way.'],
  'security.apikey.rotating': [5, 412, 'The API key "%s" cannot be rotated now.'],
} as const satisfies Readonly<Record<`${keyof typeof SUBDOMAINS}.${string}`, Definition>>

/** Identifies a kind of error; what clients match on. */
export type KuzzleErrorId = keyof typeof DEFINITIONS

/** One kind of error: `code` is `domain << 24 | subdomain << 16 | number`. */
export type KuzzleErrorKind = {
  readonly code: number
  readonly status: number
  /** With `%s` for each value. */
  readonly template: string
}

/** Every kind of error that this API answers with. */
export const KUZZLE_ERRORS = Object.fromEntries(
  Object.entries(DEFINITIONS).map(([id, [number, status, template]]) => [
    id,
    { code: subdomainOf(id) * 0x1_0000 + number, status, template },
  ]),
) as Readonly<Record<KuzzleErrorId, KuzzleErrorKind>>

function subdomainOf(id: string): number {
  return SUBDOMAINS[id.slice(0, id.lastIndexOf('.')) as keyof typeof SUBDOMAINS]
}

/** What the envelope's `error` holds. */
export type PrintedError = {
  readonly message: string
  readonly status: number
  readonly id?: KuzzleErrorId
  readonly code?: number
  readonly props?: readonly unknown[]
  readonly errors?: readonly PrintedError[]
  readonly count?: number
  /** Only in development. */
  readonly stack?: string
}

/** A refusal in Kuzzle's words. Those of Kuzzle's parsers and of its `local` strategy have no `id`. */
export class KuzzleError extends Error {
  override readonly name = 'KuzzleError'
  readonly id: KuzzleErrorId | undefined
  readonly status: number
  readonly props: readonly unknown[]
  /** What went wrong with each part of a batch. */
  readonly parts: readonly KuzzleError[] | undefined

  constructor(
    kind: KuzzleErrorId | { readonly status: number; readonly message: string },
    props: readonly unknown[] = [],
    parts?: readonly KuzzleError[],
  ) {
    super(typeof kind === 'string' ? formatMessage(kind, props) : kind.message)
    this.id = typeof kind === 'string' ? kind : undefined
    this.status = typeof kind === 'string' ? KUZZLE_ERRORS[kind].status : kind.status
    this.props = props
    this.parts = parts
  }
}

/** Throws the error of that kind; `props` fill its template in order. */
export function fail(id: KuzzleErrorId, ...props: readonly unknown[]): never {
  throw new KuzzleError(id, props)
}

/** Throws an error without `id`, as Kuzzle's parsers and its `local` strategy do. */
export function failPlainly(status: number, message: string): never {
  throw new KuzzleError({ status, message })
}

/** An error as the wire shows it. */
export function printError(error: KuzzleError): PrintedError {
  const { id, message, status, props, parts } = error
  return {
    message,
    status,
    ...(id === undefined ? {} : { id, code: KUZZLE_ERRORS[id].code, props }),
    ...(parts === undefined ? {} : { errors: parts.map(printError), count: parts.length }),
  }
}

const PLUGIN_HINT = 'This is probably not a Kuzzle error, but a problem with a plugin implementation.'

/** Kuzzle leaves `%s` for missing values and appends surplus ones; neither is of use to anybody. */
function formatMessage(id: KuzzleErrorId, props: readonly unknown[]): string {
  const { template, status } = KUZZLE_ERRORS[id]
  let next = 0
  const message = template.replaceAll('%s', () => printValue(props[next++])).trimEnd()
  return id.startsWith('plugin.') && status === 500 ? `${message}\n${PLUGIN_HINT}` : message
}

/** As Kuzzle shows values: lists as `[ 'users', 'roles' ]`. */
function printValue(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.length > 0) {
    const items = value.map((item) => (typeof item === 'string' ? `'${item}'` : JSON.stringify(item)))
    return `[ ${items.join(', ')} ]`
  }
  return JSON.stringify(value)
}
