import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSecrets } from './without-secrets.ts'

const SHOWN: Readonly<Record<string, string>> = {
  'sqlite:data/latchkey.db': 'sqlite:data/latchkey.db',
  'postgres://joe@db.example/keys': 'postgres://joe@db.example/keys',
  'postgres://joe:pa:ss@one:5432,two:5433/keys?sslmode=verify-full':
    'postgres://joe:[secret]@one:5432,two:5433/keys?sslmode=verify-full',
  'postgres://joe:p?a@ss@db/keys': 'postgres://joe:[secret]@db/keys',
  'postgres://db:5432/keys?password=a@b': 'postgres://db:5432/keys?password=[secret]',
  'postgres://db/keys?user=joe&password=hunter2&application_name=x':
    'postgres://db/keys?user=joe&password=[secret]&application_name=x',
  'postgres://db/keys?pass%77ord=hunter2': 'postgres://db/keys?pass%77ord=[secret]',
  'postgres://db/keys?PASSWORD=hunter2#more': 'postgres://db/keys?PASSWORD=[secret]',
  'postgres://db/keys?%=1&sslkey=/k.pem&sslpassword=x&passfile=y':
    'postgres://db/keys?%=1&sslkey=[secret]&sslpassword=[secret]&passfile=[secret]',
}

for (const [address, shown] of Object.entries(SHOWN)) {
  test(`shows ${shown}`, () => {
    assert.equal(withoutSecrets(address), shown)
  })
}
