import {
  choice,
  duration,
  list,
  onOrOff,
  rate,
  type SettingKind,
  secret,
  size,
  text,
  wholeNumber,
} from './setting-kinds.ts'
import { withoutSecrets } from './without-secrets.ts'

/** One thing an operator may decide. */
export type Setting<T> = {
  readonly kind: SettingKind<T>
  /** As somebody would write it; absent: the setting may stay unset. */
  readonly initial: unknown
  /** What it decides, in one sentence. */
  readonly sentence: string
  /** Other names that are accepted, for use with files and habits of old. */
  readonly aliases: readonly string[]
}

/**
 * Every setting, once, by its name in the configuration file. Names that Kuzzle has mean what they mean there.
 *
 * `setting-names.ts` derives the environment variable and the flag from the name; `docs/reference/settings.md` is
 * generated from this table.
 */
export const SETTINGS = {
  'server.host': setting(
    text(255, 'a host name or IP address'),
    '127.0.0.1',
    'Address to listen on; `0.0.0.0` and `::` mean every network interface.',
    ['host'],
  ),
  'server.port': setting(
    wholeNumber(0, 65_535),
    7512,
    'Port for HTTP and WebSocket; 0 picks a free one and prints it.',
    ['port'],
  ),
  storage: setting(
    secret(1, 'sqlite:PATH, sqlite::memory: or postgres://...', withoutSecrets),
    undefined,
    'Where everything is kept: `sqlite:PATH`, `sqlite::memory:` for nothing that lasts, or `postgres://USER@HOST/DATABASE`, which several servers may share; unset: the file `latchkey.db` in `dataDir`.',
  ),
  dataDir: setting(
    text(4096, 'a path'),
    'data',
    'Directory of the embedded store; created for the owner of the process only (mode 0700) when it is missing.',
  ),
  dev: setting(
    onOrOff(),
    false,
    'Development: as in a fresh Kuzzle, anonymous may do everything until default rights are restricted; refused unless `server.host` is a loopback address.',
  ),
  'log.level': setting(
    choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    'info',
    'Least important messages that are written to the log; audit events are of level `info`.',
  ),
  'log.format': setting(
    choice(['text', 'json']),
    'text',
    'Form of what is printed: `text` for people, `json` for one JSON object a line.',
  ),
  'server.drainDelay': setting(
    duration('0s', '5m'),
    0,
    'How long `/readyz` says that the server is draining before it stops to listen, so that load balancers notice in time.',
  ),
  'admin.host': setting(
    text(255, 'a host name or IP address'),
    '127.0.0.1',
    'Address on which `admin.port` listens.',
  ),
  'admin.port': setting(
    wholeNumber(0, 65_535),
    undefined,
    "Port of a second listener that answers everything; `server.port` then answers only what services and holders of keys ask, not Kuzzle's API, key management or metrics; 0 picks a free one and prints it.",
  ),
  'metrics.enabled': setting(
    onOrOff(),
    true,
    'Whether there is `/metrics`, for requests of this host and for callers with the right `server:metrics`.',
  ),
  'metrics.public': setting(
    onOrOff(),
    false,
    'Whether everybody who reaches the listener may read `/metrics`.',
  ),
  'tracing.enabled': setting(
    onOrOff(),
    false,
    'Whether requests over HTTP and calls of the store are traced with the OpenTelemetry SDK that was loaded with `NODE_OPTIONS=--import ...`.',
  ),
  'server.maxRequestSize': setting(
    size('1KB', '256MB'),
    '1MB',
    'Largest request body, WebSocket message or MQTT payload.',
  ),
  'server.strictSdkVersion': setting(
    onOrOff(),
    true,
    'Whether requests of Kuzzle SDKs of an unsupported major version are refused.',
  ),
  'server.protocols.http.allowCompression': setting(
    onOrOff(),
    true,
    'Whether the `Accept-Encoding` header of answers offers compression of requests.',
  ),
  'server.protocols.http.maxEncodingLayers': setting(
    wholeNumber(1, 10),
    3,
    'Most content encodings that one request body may have been through.',
  ),
  'server.protocols.http.maxFormFileSize': setting(
    size('1KB', '256MB'),
    '1MB',
    'Largest part of a multipart form.',
  ),
  'server.protocols.http.additionalContentTypes': setting(
    list(),
    [],
    'Content types of requests that are read as JSON besides the usual ones.',
  ),
  'server.protocols.websocket.enabled': setting(
    onOrOff(),
    true,
    'Whether WebSocket connections are accepted, on the port of HTTP.',
  ),
  'server.protocols.websocket.idleTimeout': setting(
    duration('0s', '1d'),
    60_000,
    'How long a WebSocket may stay silent before it is closed; 0: for ever.',
  ),
  'server.protocols.websocket.rateLimit': setting(
    wholeNumber(0, 1_000_000),
    0,
    'Most messages of one WebSocket in one second; 0: no limit.',
  ),
  'server.protocols.websocket.realtimeNotifications': setting(
    onOrOff(),
    true,
    'Whether a WebSocket is told when its token ends.',
  ),
  'server.protocols.mqtt.enabled': setting(onOrOff(), false, 'Whether MQTT connections are accepted.'),
  'server.protocols.mqtt.port': setting(
    wholeNumber(0, 65_535),
    1883,
    'Port for MQTT; 0 picks a free one and prints it.',
    ['server.protocols.mqtt.server.port'],
  ),
  'server.protocols.mqtt.requestTopic': setting(
    text(255, 'the name of a topic'),
    'Kuzzle/request',
    'Topic to which clients publish requests.',
  ),
  'server.protocols.mqtt.responseTopic': setting(
    text(255, 'the name of a topic'),
    'Kuzzle/response',
    'Topic on which each client receives its answers.',
  ),
  'server.protocols.mqtt.allowPubSub': setting(
    onOrOff(),
    false,
    'Whether clients may publish to other topics, for each other.',
  ),
  'server.protocols.mqtt.disconnectDelay': setting(
    duration('0s', '1m'),
    250,
    'How long a closed MQTT client is remembered.',
  ),
  'server.protocols.mqtt.realtimeNotifications': setting(
    onOrOff(),
    true,
    'Whether an MQTT client is told when its token ends.',
  ),
  'http.accessControlAllowOrigin': setting(
    list(),
    ['*'],
    'Origins of browsers that may call; `*` stands for all.',
  ),
  'http.accessControlAllowOriginUseRegExp': setting(
    onOrOff(),
    false,
    'Whether `http.accessControlAllowOrigin` holds regular expressions.',
  ),
  'http.accessControlAllowMethods': setting(
    text(1024, 'names of methods with commas between them'),
    'GET,POST,PUT,PATCH,DELETE,OPTIONS,HEAD',
    'The `Access-Control-Allow-Methods` header of answers.',
  ),
  'http.accessControlAllowHeaders': setting(
    text(4096, 'names of headers with commas between them'),
    'Content-Type, Access-Control-Allow-Headers, Authorization, X-Requested-With, Content-Encoding, Content-Length, X-Kuzzle-Volatile',
    'The `Access-Control-Allow-Headers` header of answers.',
  ),
  'http.tls.certificateFile': setting(
    text(4096, 'a path'),
    undefined,
    'Certificate of this server as PEM, followed by those that vouch for it: with it, `server.port` and `admin.port` speak TLS 1.2 or later and nothing else. It is read again when it changes, and on SIGHUP, as are the other files of `http.tls`.',
  ),
  'http.tls.keyFile': setting(
    text(4096, 'a path'),
    undefined,
    'Private key of `http.tls.certificateFile` as PEM, without a passphrase.',
  ),
  'http.tls.clientCaFile': setting(
    text(4096, 'a path'),
    undefined,
    'Certificates of the authorities that vouch for clients, as PEM.',
  ),
  'http.tls.clientCertificates': setting(
    choice(['off', 'optional']),
    'off',
    'Whether certificates of clients count. Where a topology asks for them: on connections with TLS, those for which `http.tls.clientCaFile` vouches, and from `http.trustedProxies` what they say in the header `Client-Cert` (RFC 9440), which they must take from their clients. In forward-auth, for keys that are bound to one: what `forwardAuth.trustedProxies` say there.',
  ),
  'http.publicUrl': setting(
    text(2048, 'a URL'),
    undefined,
    'URL under which clients reach this server, for the links in its answers; unset: `http://` and the name that they call it, and forward-auth names no metadata in its challenges.',
  ),
  'http.trustedProxies': setting(
    list(),
    [],
    'Addresses and networks of proxies whose `X-Forwarded-For` tells the address of the client.',
  ),
  'http.cookieAuthentication': setting(
    onOrOff(),
    true,
    'Whether browsers may keep their session token in a cookie that scripts cannot read.',
  ),
  'http.allowTokenInQuery': setting(
    onOrOff(),
    false,
    'Whether a token is accepted in the query string (`?jwt=`), where logs and proxies see it.',
  ),
  'cluster.nodeName': setting(
    text(128, 'a name'),
    undefined,
    'Name of this node among those that share the storage, in `latchkey cluster status`; unset: the name of the host and the number of the process.',
  ),
  'cluster.pollMs': setting(
    duration('10ms', '10s'),
    100,
    'How often a node on PostgreSQL asks what other nodes changed when nobody tells it.',
  ),
  'cluster.staleAfterMs': setting(
    duration('200ms', '1m'),
    1_000,
    'How long a node on PostgreSQL trusts its memory after the last time that it could ask what changed: by then every node obeys a change that was acknowledged. At least twice `cluster.pollMs`.',
  ),
  'cluster.whenUnreachable': setting(
    choice(['refuse', 'serve-stale']),
    'refuse',
    'What a node on PostgreSQL does when it cannot trust its memory and PostgreSQL does not answer: refuse with status 503, or go on with the keys that are in its memory.',
  ),
  'cluster.staleMaxMs': setting(
    duration('200ms', '1d'),
    60_000,
    'How long a node goes on with `serve-stale` after the last time that it could ask what changed; at least `cluster.staleAfterMs`.',
  ),
  'cluster.creditLeaseMax': setting(
    wholeNumber(0, 100_000),
    100,
    'Most credits of a key that a node on PostgreSQL takes at once, to spend them without asking; 0: none. A node that is killed loses a tenth of it at most.',
  ),
  'security.apiKey.maxTTL': setting(
    duration('0s', '36500d', { unlimited: true }),
    -1,
    'Longest life of an API key that users issue for themselves; 0: they may issue none.',
  ),
  'security.apiKey.mayIssueKeys': setting(
    onOrOff(),
    true,
    'Whether a caller that shows an API key may issue keys and tokens; off: only keys of the same owner that do not outlive it, no tokens, and it may set no passwords.',
  ),
  'security.apiKey.perUserMax': setting(
    wholeNumber(0, 1_000_000_000, 'unlimited'),
    -1,
    'Most API keys that one user may hold.',
  ),
  'keys.keyspaces': setting(
    list(),
    ['default=lk_live'],
    'What native keys begin with, by keyspace: `name=prefix_environment`, both of `a-z 0-9`; there is always one named `default`.',
  ),
  'leaks.actions': setting(
    list(),
    ['*=revoke'],
    'What is done with keys that were found where everybody can read them, by keyspace: `name=notify`, `name=disable` or `name=revoke`; `*` stands for all others, and for keys of Kuzzle and Knox. Each is an audit event whatever is done.',
  ),
  'leaks.githubKeysUrl': setting(
    text(2048, 'a URL'),
    undefined,
    "Where the public keys are with which GitHub's secret scanning signs its reports, such as `https://api.github.com/meta/public_keys/secret_scanning`; unset: its reports are not taken.",
  ),
  'keys.restoreWindow': setting(
    duration('0s', '3650d'),
    '30d',
    'How long after its revocation an API key can be restored.',
  ),
  'keys.revokedKept': setting(
    duration('0s', '3650d'),
    '90d',
    'How long revoked API keys are remembered, so that they can be told from those that never were; at least `keys.restoreWindow`.',
  ),
  'keys.usageKept': setting(
    duration('1d', '3650d'),
    '400d',
    'How long it is known how often an API key was used on each day.',
  ),
  'keys.usageWrittenEvery': setting(
    duration('1s', '1h'),
    '5s',
    'How often it is written down when and how often an API key was used, which is what a crash may lose; longer is less work for the store where very many keys are in use.',
  ),
  workers: setting(
    wholeNumber(1, 64),
    1,
    'Threads that answer verifications and forward-auth on the one port; everything else is answered by the first.',
  ),
  'verify.keysInMemoryMax': setting(
    wholeNumber(1_000, 100_000_000),
    250_000,
    'Keys that each thread keeps in memory for verifications, about 1 KiB each; those that were not asked for lately go first.',
  ),
  'verify.listen': setting(
    text(255, 'HOST:PORT, or unix:PATH'),
    undefined,
    'Where verifications and forward-auth are answered besides, and nothing else: `HOST:PORT`, or `unix:PATH` for a Unix socket.',
  ),
  'verify.openWithoutAuthentication': setting(
    onOrOff(),
    false,
    'Whether everybody who reaches `verify.listen` may verify keys there without showing a token.',
  ),
  'forwardAuth.keyHeaders': setting(
    list(),
    ['X-API-Key'],
    'Headers in which forward-auth looks for a key, besides `Authorization: Bearer`.',
  ),
  'forwardAuth.trustedProxies': setting(
    list(),
    ['127.0.0.0/8', '::1'],
    'Addresses and networks of the proxies that ask `/v1/authorize`; their `X-Forwarded-For` tells the address of the client, as does that of whoever asks over a Unix socket.',
  ),
  'knox.gatewayPath': setting(
    text(64, 'one segment of a path'),
    'gateway',
    "First segment of the URLs of Knox's services, before the name of the topology.",
  ),
  'knox.topologies': setting(
    text(4096, 'a path'),
    undefined,
    "Folder of Knox's topology files, or of its whole configuration; it is watched. Unset: a built-in topology, `default` or `sandbox`, which issues API keys to this server's own users.",
    ['knox-topologies'],
  ),
  'knox.evictionGrace': setting(
    duration('0s', '3650d'),
    '1d',
    'How long tokens that the services of Knox issued are kept after they expired; one that never expires is kept.',
  ),
  'knox.proxiedRoles': setting(
    list(),
    ['OPENAI'],
    'Roles of services whose requests are passed on to their URL once the caller is known.',
  ),
  'knox.aliases': setting(
    secret(3, 'lines of the form name=value'),
    undefined,
    'Values of the aliases that topology files name: lines, or parts between semicolons, of the form `name=value`.',
  ),
  'knox.adminUsers': setting(list(), [], 'Who is meant by `KNOX_ADMIN_USERS` in access lists.'),
  'knox.adminGroups': setting(list(), [], 'Who is meant by `KNOX_ADMIN_GROUPS` in access lists.'),
  'knox.namesAreUsers': setting(
    choice(['none', 'ordinary', 'all']),
    'ordinary',
    "Whose rights in Kuzzle's and Latchkey's own API a key has that was issued to a name for which a directory, proxy or other server vouches, and that some user here has too: nobody's, those of users who may manage nothing, or those of all.",
  ),
  'knox.tokensPerUser': setting(
    wholeNumber(1, 1_000_000),
    10,
    'Most tokens of one user that the services of Knox issue, where a topology says nothing else.',
  ),
  'knox.usersSeeingAllTokens': setting(
    list(),
    ['admin'],
    'Users of Knox who may list the tokens of everybody; others list those that they hold or made.',
  ),
  'knox.issueByGet': setting(
    onOrOff(),
    false,
    'Whether GET issues API keys too, as Knox does; any link that somebody follows would make one.',
  ),
  'knox.uniformRefusals': setting(
    onOrOff(),
    false,
    "Whether topologies refuse every bad token with the same words, rather than Knox's, which tell an unknown id from a wrong secret.",
  ),
  'knox.signingKeyLife': setting(
    duration('1h', '3650d'),
    '90d',
    'How long a key signs JSON Web Tokens before a new one takes over.',
  ),
  'knox.signingKeyKnownFor': setting(
    duration('1h', '3650d'),
    '365d',
    'How long after that the tokens it signed are still accepted, should they live so long.',
  ),
  'security.authToken.algorithm': setting(
    choice(['HS256', 'HS384', 'HS512']),
    'HS256',
    'How tokens are signed.',
    ['security.jwt.algorithm'],
  ),
  'security.authToken.expiresIn': setting(
    duration('1s', '36500d'),
    '1h',
    'Life of a session when the client names none.',
    ['security.jwt.expiresIn'],
  ),
  'security.authToken.maxTTL': setting(
    duration('1s', '36500d', { unlimited: true }),
    -1,
    'Longest life of a session.',
    ['security.jwt.maxTTL'],
  ),
  'security.authToken.gracePeriod': setting(
    duration('0s', '1h'),
    1000,
    'How long a session stays good after it was refreshed.',
    ['security.jwt.gracePeriod'],
  ),
  'security.authToken.secret': setting(
    secret(32, 'a text of 32 to 4096 characters'),
    undefined,
    'Signs tokens; unset: a secret that is generated once and kept in the store.',
    ['security.jwt.secret'],
  ),
  'security.restrictedProfileIds': setting(
    list(),
    ['default'],
    'Profiles of users that `security:createRestrictedUser` creates.',
  ),
  'plugins.common.failsafeMode': setting(
    onOrOff(),
    false,
    'Whether only administrators may call anything, to repair things in peace.',
  ),
  'limits.concurrentRequests': setting(
    wholeNumber(1, 100_000),
    100,
    'Most requests that are worked on at the same time; more wait.',
  ),
  'limits.requestsBufferSize': setting(
    wholeNumber(1, 10_000_000),
    50_000,
    'Most requests that wait; more are refused with status 503.',
  ),
  'limits.requestsBufferWarningThreshold': setting(
    wholeNumber(1, 10_000_000),
    5_000,
    'Waiting requests from which on the log warns.',
  ),
  'limits.documentsFetchCount': setting(
    wholeNumber(1, 1_000_000),
    10_000,
    'Most results of one search, and most ids of one request that reads many.',
  ),
  'limits.documentsWriteCount': setting(
    wholeNumber(1, 1_000_000),
    200,
    'Most ids of one request that changes many.',
  ),
  'limits.loginsPerSecond': setting(
    rate(1_000_000),
    1,
    'Sustained login attempts per second for one account; 0: no limit.',
  ),
  'limits.loginsPerSecondPerAddress': setting(
    rate(1_000_000),
    10,
    'Sustained login attempts per second from one address; 0: no limit.',
  ),
  'limits.loginBurst': setting(
    wholeNumber(1, 1_000_000),
    5,
    'Login attempts that may come at once before the limits per second apply.',
  ),
  'services.storageEngine.maxScrollDuration': setting(
    duration('1s', '1d'),
    '1m',
    'Longest time for which a client may ask that a scroll is kept between two pages.',
  ),
  'services.storageEngine.defaults.scrollTTL': setting(
    duration('1s', '1d'),
    '15s',
    'How long a scroll is kept between two pages when the client does not say.',
  ),
  'stats.enabled': setting(onOrOff(), true, 'Whether statistics of requests are kept for `server:getStats`.'),
  'stats.ttl': setting(duration('1s', '7d', { unit: 's' }), 3600, 'How long statistics are kept.'),
  'stats.statsInterval': setting(
    duration('1s', '1h', { unit: 's' }),
    10,
    'Time between two frames of statistics.',
  ),
} satisfies Readonly<Record<string, Setting<unknown>>>

/** The name of a setting, as in the configuration file. */
export type SettingName = keyof typeof SETTINGS

/** A value for every setting; durations in ms, sizes in bytes. Secrets are functions. */
export type Settings = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never
}

/** Names of all settings in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** The definition of one setting, whatever its type. */
export function settingOf(name: SettingName): Setting<unknown> {
  return SETTINGS[name]
}

function setting<T>(
  kind: SettingKind<T>,
  initial: undefined,
  sentence: string,
  aliases?: readonly string[],
): Setting<T | undefined>
function setting<T>(
  kind: SettingKind<T>,
  initial: unknown,
  sentence: string,
  aliases?: readonly string[],
): Setting<T>
function setting<T>(
  kind: SettingKind<T>,
  initial: unknown,
  sentence: string,
  aliases: readonly string[] = [],
): Setting<T> {
  return { kind, initial, sentence, aliases }
}
