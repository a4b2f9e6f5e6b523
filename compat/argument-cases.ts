/** An error as far as it is compared: status, id, and the end of the message that names the argument. */
type Refusal = readonly [status: number, id: string, message: string]

/** How one argument of one action is read, and what must come of bad values. */
type ArgumentCase = {
  readonly name: string
  /** A request with that value, or without the argument when it is undefined. */
  readonly request: (value: unknown) => Readonly<Record<string, unknown>>
  /** What comes of its absence; undefined: success. */
  readonly missing: Refusal | undefined
  /** Values that count as absent. */
  readonly absent?: readonly unknown[]
  /** Values of a wrong type, and what comes of them. */
  readonly wrong: readonly unknown[]
  readonly refusal: Refusal
  /** Over HTTP, where arguments are texts, wrong types are read as well as can be. */
  readonly lenientOverHttp?: true
}

const WRONG_TYPE = 'api.assert.invalid_type'
const MISSING = 'api.assert.missing_argument'

const missing = (name: string): Refusal => [400, MISSING, `Missing argument "${name}".`]
const wrong = (name: string, expected: string): Refusal => [
  400,
  WRONG_TYPE,
  `Wrong type for argument "${name}" (expected: ${expected})`,
]

/** Adds a member unless the value is undefined. */
const withMember = (name: string, value: unknown) => (value === undefined ? {} : { [name]: value })

const NO_STRINGS = [null, true, 0, 1.5, [], ['x'], {}]
const NO_INTEGERS = [null, true, 'x', '', '1.5', 1.5, [], [1], {}]
const NO_BOOLEANS = ['true', '', 1, 0, [], {}]

const apiKey = (args: object) => ({
  controller: 'security',
  action: 'createApiKey',
  userId: 'somebody',
  body: { description: 'd' },
  ...args,
})

/** Every way in which actions read their arguments. */
export const ARGUMENT_CASES: readonly ArgumentCase[] = [
  {
    name: 'a text',
    request: (value) => {
      const { userId, ...rest } = apiKey({})
      return { ...rest, ...withMember('userId', value) }
    },
    missing: missing('userId'),
    wrong: NO_STRINGS,
    refusal: wrong('userId', 'string'),
  },
  {
    name: 'the name of a strategy',
    request: (value) => ({ controller: 'auth', action: 'login', body: {}, ...withMember('strategy', value) }),
    missing: missing('strategy'),
    wrong: NO_STRINGS,
    refusal: wrong('strategy', 'string'),
  },
  ...['from', 'size'].map((name) => ({
    name: `the whole number ${name}`,
    request: (value: unknown) => ({
      controller: 'security',
      action: 'searchUsers',
      ...withMember(name, value),
    }),
    missing: undefined,
    wrong: NO_INTEGERS,
    refusal: wrong(name, 'integer'),
  })),
  {
    name: 'the whole number retryOnConflict',
    request: (value) => ({
      controller: 'security',
      action: 'updateUser',
      _id: 'somebody',
      body: {},
      ...withMember('retryOnConflict', value),
    }),
    missing: undefined,
    wrong: NO_INTEGERS,
    refusal: wrong('retryOnConflict', 'integer'),
  },
  {
    name: 'a switch',
    request: (value) => ({ controller: 'auth', action: 'createToken', ...withMember('singleUse', value) }),
    missing: undefined,
    absent: [null, false],
    wrong: NO_BOOLEANS,
    refusal: wrong('singleUse', 'boolean'),
    lenientOverHttp: true,
  },
  {
    name: '_id that must be there',
    request: (value) => ({ controller: 'security', action: 'getUser', ...withMember('_id', value) }),
    missing: missing('_id'),
    absent: ['', null, 0, false],
    wrong: [true, 1, [], {}],
    refusal: wrong('_id', 'string'),
  },
  {
    name: '_id that is generated',
    request: (value) => apiKey(withMember('_id', value)),
    missing: undefined,
    absent: ['', null, 0, false],
    wrong: [true, 1, [], {}],
    refusal: wrong('_id', 'string'),
  },
  {
    name: 'refresh, which takes anything',
    request: (value) => apiKey(withMember('refresh', value)),
    missing: undefined,
    absent: [false, 'false', null, '', true, 'anything', 7, [], {}],
    wrong: [],
    refusal: wrong('refresh', 'never'),
  },
  {
    name: 'lang of no kind',
    request: (value) => ({ controller: 'security', action: 'searchUsers', ...withMember('lang', value) }),
    missing: undefined,
    wrong: NO_STRINGS,
    refusal: wrong('lang', 'string'),
  },
  {
    name: 'lang that is unknown',
    request: (value) => ({ controller: 'security', action: 'searchUsers', ...withMember('lang', value) }),
    missing: undefined,
    wrong: ['', 'sql', 'Koncorde', '__proto__'],
    refusal: [
      400,
      'api.assert.invalid_argument',
      'Invalid argument "lang". Expected: "elasticsearch" or "koncorde"',
    ],
  },
  {
    name: 'expiresIn',
    request: (value) => apiKey(withMember('expiresIn', value)),
    missing: undefined,
    absent: [null, '', 0, -1, '-1', 42, '42', '30d', '6m', '.5h'],
    wrong: ['abc', '1h30m', ' 1d', '0', '-1d', '-1ms', -5, true, [], {}, 'x'.repeat(101)],
    refusal: [
      400,
      'api.assert.invalid_argument',
      'Invalid argument "expiresIn". Expected: a number of milliseconds, or a parsable timespan string',
    ],
  },
  {
    name: 'a body that must be there',
    request: (value) => apiKey({ body: value }),
    missing: [400, 'api.assert.body_required', 'The request must specify a body.'],
    absent: [null],
    wrong: [{}],
    refusal: missing('body.description'),
  },
  {
    name: 'a text in the body',
    request: (value) => apiKey({ body: withMember('description', value) }),
    missing: missing('body.description'),
    wrong: NO_STRINGS,
    refusal: wrong('body.description', 'string'),
  },
  {
    name: 'an object in the body',
    request: (value) => ({
      controller: 'security',
      action: 'createUser',
      body: withMember('content', value),
    }),
    missing: missing('body.content'),
    wrong: [null, true, 0, 'x', [], ['x']],
    refusal: wrong('body.content', 'object'),
  },
  {
    name: 'a list in the body',
    request: (value) => ({
      controller: 'security',
      action: 'createProfile',
      _id: 'p',
      body: withMember('policies', value),
    }),
    missing: missing('body.policies'),
    wrong: [null, true, 0, 'x', {}],
    refusal: wrong('body.policies', 'array'),
  },
  {
    name: 'a list of ids in the body',
    request: (value) => ({
      controller: 'security',
      action: 'mDeleteUsers',
      body: withMember('ids', value),
    }),
    missing: missing('body.ids'),
    wrong: [null, true, 0, 'x', {}],
    refusal: wrong('body.ids', 'array'),
  },
  {
    name: 'a list of ids',
    request: (value) => ({ controller: 'security', action: 'mGetUsers', ...withMember('ids', value) }),
    missing: missing('ids'),
    absent: [],
    wrong: [null, true, 0, {}, [5]],
    refusal: wrong('ids', 'array'),
  },
]

/** What the members of a request itself must be, and the complaint about anything else. */
export const MEMBER_CASES: readonly {
  readonly name: string
  readonly wrong: readonly unknown[]
  readonly type: string
}[] = [
  { name: 'controller', wrong: [true, 1, [], {}], type: '"string"' },
  { name: 'action', wrong: [true, 1, [], {}], type: '"string"' },
  { name: 'jwt', wrong: [true, 1, [], {}], type: '"string"' },
  { name: 'volatile', wrong: [true, 1, 'x', [], [1]], type: '"object"' },
  { name: 'body', wrong: [true, 1, 'x', ''], type: '"object" or "array"' },
]

/** Values that break programs which did not expect them. */
export const HOSTILE_VALUES: readonly unknown[] = [
  '',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  'toString',
  '_search',
  '../../etc/passwd',
  '%00%ff%s%n',
  '\u0000',
  '\ud800',
  '\u202e\u200b\ufeff',
  "' OR 1=1; DROP TABLE keys; --",
  '<script>alert(1)</script>',
  '{{7*7}}#{7*7}',
  'é'.repeat(600),
  'x'.repeat(200_000),
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  1e308,
  5e-324,
  -0.5,
  JSON.parse('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}'),
  JSON.parse(`${'['.repeat(90)}${']'.repeat(90)}`),
  JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`),
  Array.from({ length: 5_000 }, (_, index) => `id${index}`),
  Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`m${index}`, index])),
]
