/*
 * Runs files of worked query examples against the real engine on a real store:
 *
 *   node tools/run-query-cases.ts FILE... [--storage sqlite::memory:]
 *
 * Cases and small collections are kept in a table of their own beside Latchkey's, since their documents need not be
 * ones that an API could have made; `paging` cases go through the store of API keys whenever their documents can be
 * keys. Prints each failure, then `N passed, N failed` as the last line; exits 1 when one failed.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { asKuzzleError } from '../server/src/apis/kuzzle/domain-errors.ts'
import type { AuditEvent } from '../server/src/core/audit/audit-event.ts'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import { isJsonObject, type JsonObject } from '../server/src/core/json.ts'
import type { ApiKey } from '../server/src/core/keys/api-key.ts'
import { parseFingerprint } from '../server/src/core/keys/fingerprint.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { analyze } from '../server/src/query/analyzer.ts'
import { parseElasticsearch } from '../server/src/query/elasticsearch.ts'
import { MATCH_ALL, type Query } from '../server/src/query/filter.ts'
import { translateKoncorde } from '../server/src/query/koncorde.ts'
import type { Mapping } from '../server/src/query/mapping.ts'
import { judgeOf } from '../server/src/query/evaluate.ts'
import { executeSearch, slicesOf } from '../server/src/query/execute-search.ts'
