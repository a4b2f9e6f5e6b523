/** What a client needs to know of an action to call it over HTTP. */
export type ActionDescription = {
  readonly summary: string
  /** Arguments beside those of the path; each is described in `ARGUMENTS`. */
  readonly query?: readonly string[]
  /** What the body holds; absent: there is none. */
  readonly body?: string
}

/** Arguments that travel in the path or the query string, as Swagger parameters. A flag is true when present. */
export const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  _id: { description: 'Identifier; generated where an action creates something and none is given.' },
  collection: { description: '`users`, `profiles` or `roles`.' },
  cookieAuth: { type: 'boolean', description: 'Use an HTTP-only cookie instead of a visible token.' },
  expiresIn: {
    description: 'Life of the token: milliseconds, or a text such as `30d`; `-1`: never expires.',
  },
  force: { type: 'boolean', description: 'Accept controllers that this server does not know.' },
  format: { description: '`json` (default) or `yaml`.' },
  from: { type: 'integer', description: 'Matches to skip.' },
  global: { type: 'boolean', description: "End all of the user's sessions." },
  ids: { description: 'Identifiers: `a,b`, or a JSON array.' },
  kuid: { description: 'Kind of generated identifier: `human` (default) or `uuid`.' },
  lang: { description: 'Language of the query: `elasticsearch` (default) or `koncorde`.' },
  onAssignedUsers: { description: '`fail` (default), or `remove` to take the profile from its users first.' },
  onExistingUsers: { description: '`fail` (default), `skip` or `overwrite`.' },
  refresh: { description: 'Accepted for compatibility: every answer is already consistent.' },
  reset: { type: 'boolean', description: 'Also replace the permissive default rights by the standard ones.' },
  retryOnConflict: { type: 'integer', description: 'Accepted for compatibility: changes never conflict.' },
  scope: { description: '`kuzzle` (default) or `app`.' },
  scroll: {
    description: 'Keep the result for this long, such as `30s`, to fetch it page by page; at most `1m`.',
  },
  scrollId: { description: 'Identifier that the search answered.' },
  services: { description: 'Services to check, separated by commas.' },
  singleUse: { type: 'boolean', description: 'Good for exactly one request.' },
  size: { type: 'integer', description: 'Matches to answer at most.' },
  startTime: { description: 'Milliseconds since the epoch, or a date.' },
  stopTime: { description: 'Milliseconds since the epoch, or a date.' },
  strategy: { description: 'Way to log in; `local` is username and password.' },
  strict: {
    type: 'boolean',
    description: 'Refuse restrictions to indexes and collections that do not exist.',
  },
  userId: { description: "The user's identifier (kuid)." },
}

const CREDENTIALS = 'Credentials of the strategy; for `local`: `{username, password}`.'
const KEY_QUERY = 'The query itself, in the language that `lang` names; empty: everything.'
const RIGHT = 'A request to check: `{controller, action}`.'
const ROLE = '`{controllers: {<controller>: {actions: {<action>: true}}}, tags}`; `*` stands for all others.'
const PROFILE = '`{policies: [{roleId, restrictedTo}], rateLimit, tags}`.'
const SEARCH = '`{query, sort, search_after, ...}`; empty: everything.'
const USER = '`{content: {profileIds, ...}, credentials: {local: {username, password}}}`.'
const IDS = '`{ids: [...]}`.'
const MAPPING = '`{properties: {<field>: {type}}}`.'
const PAGE = ['from', 'size', 'lang']

/** Every action by `controller:action`. */
export const ACTION_DESCRIPTIONS: Readonly<Record<string, ActionDescription>> = {
  'auth:checkRights': { summary: 'Whether the caller may do something.', body: RIGHT },
  'auth:checkToken': { summary: 'Whether a token is good.', query: ['cookieAuth'], body: '`{token}`.' },
  'auth:createApiKey': {
    summary: 'Issues an API key for the caller. Its token is shown in this answer only.',
    query: ['_id', 'expiresIn', 'refresh'],
    body: '`{description}`.',
  },
  'auth:createMyCredentials': {
    summary: "Creates the caller's credentials.",
    query: ['refresh'],
    body: CREDENTIALS,
  },
  'auth:createToken': {
    summary: 'Issues a session token for the caller.',
    query: ['expiresIn', 'singleUse'],
  },
  'auth:credentialsExist': { summary: 'Whether the caller has credentials.' },
  'auth:deleteApiKey': { summary: "Revokes one of the caller's API keys at once.", query: ['refresh'] },
  'auth:deleteMyCredentials': { summary: "Deletes the caller's credentials.", query: ['refresh'] },
  'auth:getCurrentUser': { summary: 'The caller.' },
  'auth:getMyCredentials': { summary: "The caller's credentials, without secrets." },
  'auth:getMyRights': { summary: 'Everything that the caller may do.' },
  'auth:getStrategies': { summary: 'Ways to log in.' },
  'auth:login': { summary: 'Logs in.', query: ['expiresIn', 'cookieAuth'], body: CREDENTIALS },
  'auth:logout': { summary: "Ends the caller's session.", query: ['global', 'cookieAuth'] },
  'auth:refreshToken': {
    summary: "Exchanges the caller's session for a new one.",
    query: ['expiresIn', 'cookieAuth'],
  },
  'auth:searchApiKeys': { summary: "Finds the caller's API keys.", query: PAGE, body: KEY_QUERY },
  'auth:updateMyCredentials': {
    summary: "Changes the caller's credentials.",
    query: ['refresh'],
    body: CREDENTIALS,
  },
  'auth:updateSelf': {
    summary: "Changes the caller's own members.",
    query: ['refresh', 'retryOnConflict'],
    body: 'Members to change.',
  },
  'auth:validateMyCredentials': { summary: 'Whether credentials would be accepted.', body: CREDENTIALS },

  'security:checkRights': { summary: 'Whether a user may do something.', body: RIGHT },
  'security:createApiKey': {
    summary: 'Issues an API key for a user. Its token is shown in this answer only.',
    query: ['_id', 'expiresIn', 'refresh'],
    body: '`{description}`.',
  },
  'security:createCredentials': {
    summary: "Creates a user's credentials.",
    query: ['refresh'],
    body: CREDENTIALS,
  },
  'security:createFirstAdmin': {
    summary: 'Creates the first administrator; refused once there is one.',
    query: ['_id', 'reset', 'kuid', 'refresh'],
    body: USER,
  },
  'security:createOrReplaceProfile': {
    summary: 'Creates or replaces a profile.',
    query: ['strict', 'refresh'],
    body: PROFILE,
  },
  'security:createOrReplaceRole': {
    summary: 'Creates or replaces a role.',
    query: ['force', 'refresh'],
    body: ROLE,
  },
  'security:createProfile': { summary: 'Creates a profile.', query: ['strict', 'refresh'], body: PROFILE },
  'security:createRestrictedUser': {
    summary: 'Creates a user with the profiles for restricted users.',
    query: ['_id', 'kuid', 'refresh'],
    body: '`{content, credentials}`, without profiles.',
  },
  'security:createRole': { summary: 'Creates a role.', query: ['force', 'refresh'], body: ROLE },
  'security:createUser': { summary: 'Creates a user.', query: ['_id', 'kuid', 'refresh'], body: USER },
  'security:deleteApiKey': { summary: "Revokes a user's API key at once.", query: ['refresh'] },
  'security:deleteCredentials': { summary: "Deletes a user's credentials.", query: ['refresh'] },
  'security:deleteProfile': { summary: 'Deletes a profile.', query: ['onAssignedUsers', 'refresh'] },
  'security:deleteRole': { summary: 'Deletes a role.', query: ['refresh'] },
  'security:deleteUser': {
    summary: 'Deletes a user with all credentials, API keys and sessions.',
    query: ['refresh'],
  },
  'security:getAllCredentialFields': { summary: 'Members of credentials, for each strategy.' },
  'security:getCredentialFields': { summary: "Members of a strategy's credentials." },
  'security:getCredentials': { summary: "A user's credentials, without secrets." },
  'security:getCredentialsById': { summary: 'Credentials by the name used at login, without secrets.' },
  'security:getProfile': { summary: 'A profile.' },
  'security:getProfileMapping': { summary: 'Members of profiles that can be searched.' },
  'security:getProfileRights': { summary: 'Everything that a profile allows.' },
  'security:getRole': { summary: 'A role.' },
  'security:getRoleMapping': { summary: 'Members of roles that can be searched.' },
  'security:getUser': { summary: 'A user.' },
  'security:getUserMapping': { summary: 'Members of users that can be searched.' },
  'security:getUserRights': { summary: 'Everything that a user may do.' },
  'security:getUserStrategies': { summary: 'Ways in which a user can log in.' },
  'security:hasCredentials': { summary: 'Whether a user has credentials.' },
  'security:mDeleteProfiles': { summary: 'Deletes several profiles.', query: ['refresh'], body: IDS },
  'security:mDeleteRoles': { summary: 'Deletes several roles.', query: ['refresh'], body: IDS },
  'security:mDeleteUsers': { summary: 'Deletes several users.', query: ['refresh'], body: IDS },
  'security:mGetProfiles': { summary: 'Several profiles.', body: IDS },
  'security:mGetRoles': { summary: 'Several roles.', body: IDS },
  'security:mGetUsers': {
    summary: 'Several users; those that do not exist are left out.',
    query: ['ids'],
    body: IDS,
  },
  'security:refresh': { summary: 'Does nothing: every answer is already consistent.' },
  'security:replaceUser': {
    summary: "Replaces a user's members and profiles.",
    query: ['refresh'],
    body: '`{profileIds, ...}`.',
  },
  'security:restrictDefaultRights': {
    summary: 'Replaces the permissive default rights by the standard ones.',
  },
  'security:revokeTokens': { summary: "Ends all of a user's sessions; API keys stay good." },
  'security:scrollProfiles': { summary: 'The next page of a search of profiles.', query: ['scroll'] },
  'security:scrollUsers': { summary: 'The next page of a search of users.', query: ['scroll'] },
  'security:searchApiKeys': { summary: "Finds a user's API keys.", query: PAGE, body: KEY_QUERY },
  'security:searchProfiles': { summary: 'Finds profiles.', query: [...PAGE, 'scroll'], body: SEARCH },
  'security:searchRoles': { summary: 'Finds roles.', query: PAGE, body: SEARCH },
  'security:searchUsers': { summary: 'Finds users.', query: [...PAGE, 'scroll'], body: SEARCH },
  'security:searchUsersByCredentials': {
    summary: 'Finds users by their credentials.',
    query: PAGE,
    body: '`{query, sort}`.',
  },
  'security:updateCredentials': {
    summary: "Changes a user's credentials.",
    query: ['refresh'],
    body: CREDENTIALS,
  },
  'security:updateProfile': {
    summary: 'Changes the given members of a profile.',
    query: ['strict', 'refresh', 'retryOnConflict'],
    body: PROFILE,
  },
  'security:updateProfileMapping': { summary: 'Makes more members of profiles searchable.', body: MAPPING },
  'security:updateRole': {
    summary: 'Replaces a role that exists.',
    query: ['force', 'refresh', 'retryOnConflict'],
    body: ROLE,
  },
  'security:updateRoleMapping': { summary: 'Makes more members of roles searchable.', body: MAPPING },
  'security:updateUser': {
    summary: 'Changes the given members of a user.',
    query: ['refresh', 'retryOnConflict'],
    body: 'Members to change; `profileIds` replaces the profiles.',
  },
  'security:updateUserMapping': { summary: 'Makes more members of users searchable.', body: MAPPING },
  'security:upsertUser': {
    summary: 'Changes a user, or creates it.',
    query: ['refresh', 'retryOnConflict'],
    body: '`{content: {profileIds, ...}, default, credentials}`; `default` is for a new user only.',
  },
  'security:validateCredentials': { summary: 'Whether credentials would be accepted.', body: CREDENTIALS },

  'server:adminExists': { summary: 'Whether there is an administrator.' },
  'server:capabilities': { summary: 'What this server can do.' },
  'server:getAllStats': { summary: 'All kept statistics.' },
  'server:getConfig': { summary: 'The configuration, without secrets.' },
  'server:getLastStats': { summary: 'The latest statistics.' },
  'server:getStats': { summary: 'Statistics of a period.', query: ['startTime', 'stopTime'] },
  'server:healthCheck': {
    summary: 'Whether the server and what it stands on are well.',
    query: ['services'],
  },
  'server:info': { summary: 'About this server.' },
  'server:metrics': { summary: 'What the server is doing right now.' },
  'server:now': { summary: "The server's clock, in milliseconds since the epoch." },
  'server:openapi': {
    summary: 'What this server can be asked over HTTP, as Swagger 2.0.',
    query: ['format', 'scope'],
  },
  'server:publicApi': { summary: 'All actions with their routes.' },

  'admin:loadFixtures': { summary: 'Refused unless empty: this server stores no documents.', body: '`{}`.' },
  'admin:loadMappings': { summary: 'Refused unless empty: this server stores no documents.', body: '`{}`.' },
  'admin:loadSecurities': {
    summary: 'Creates or replaces roles, profiles and users at once.',
    query: ['force', 'onExistingUsers', 'refresh'],
    body: '`{roles, profiles, users}`, each by identifier.',
  },
  'admin:resetDatabase': { summary: 'Deletes all documents; there are none.' },
  'admin:resetSecurity': { summary: 'Deletes all users, profiles and roles, and starts over.' },
}
