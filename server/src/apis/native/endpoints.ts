import type { Endpoint, EndpointFacts } from './endpoint.ts'
import { KEY_ENDPOINTS } from './key-endpoints.ts'
import { LEAK_ENDPOINTS } from './leak-endpoints.ts'
import { LIFE_CYCLE_ENDPOINTS } from './life-cycle-endpoints.ts'
import { printOpenApi } from './openapi.ts'
import { OWNER_ENDPOINTS } from './owner-endpoints.ts'
import { ROLE_ENDPOINTS } from './role-endpoints.ts'
import { openApiEndpoint, RESOURCE_METADATA_ENDPOINT } from './server-endpoints.ts'
import { SESSION_ENDPOINTS } from './session-endpoints.ts'
import { TOKEN_ENDPOINTS } from './token-endpoints.ts'
import { VERIFICATION_FACTS } from './verification-facts.ts'

let printed: unknown

/** Every route that this API answers itself. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...KEY_ENDPOINTS,
  ...LIFE_CYCLE_ENDPOINTS,
  ...LEAK_ENDPOINTS,
  ...TOKEN_ENDPOINTS,
  ...SESSION_ENDPOINTS,
  ...OWNER_ENDPOINTS,
  ...ROLE_ENDPOINTS,
  RESOURCE_METADATA_ENDPOINT,
  openApiEndpoint(() => {
    // Costs some milliseconds, and is always the same.
    printed ??= printOpenApi(ROUTES)
    return printed
  }),
]

/** Every route under `/v1`, for what is told of them to people and programs. */
export const ROUTES: readonly EndpointFacts[] = [...VERIFICATION_FACTS, ...ENDPOINTS]
