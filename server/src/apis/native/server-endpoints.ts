import { z } from 'zod'
import { RESOURCE_METADATA_PATH } from '../../transports/http/resource-metadata.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { jsonObject, strict } from './strict-object.ts'

/** What the server tells of itself to programs. */
export const RESOURCE_METADATA_ENDPOINT: Endpoint = endpoint({
  name: 'resourceMetadata',
  method: 'GET',
  path: RESOURCE_METADATA_PATH,
  group: 'Server',
  summary: 'Tells OAuth clients how this server takes tokens (RFC 9728)',
  access: 'none',
  answers: {
    200: {
      description: 'The metadata',
      schema: strict({
        resource: z.string(),
        resource_name: z.string(),
        bearer_methods_supported: z.array(z.string()),
        resource_documentation: z.string().exactOptional(),
      }),
    },
  },
  problems: [],
  async run(_input, { baseUrl, isApiPublic }) {
    const json = {
      resource: baseUrl,
      resource_name: 'Latchkey',
      bearer_methods_supported: ['header'],
      ...(isApiPublic && { resource_documentation: `${baseUrl}${OPENAPI_PATH}` }),
    }
    return { status: 200, json }
  },
})

const OPENAPI_PATH = '/v1/openapi.json'

/** The description of this API for programs. */
export function openApiEndpoint(document: () => unknown): Endpoint {
  return endpoint({
    name: 'openapi',
    method: 'GET',
    path: OPENAPI_PATH,
    group: 'Server',
    summary: 'Describes this API (OpenAPI 3.1)',
    access: 'none',
    cacheable: true,
    answers: { 200: { description: 'The description', schema: jsonObject } },
    problems: [],
    run: async () => ({ status: 200, json: document() }),
  })
}
