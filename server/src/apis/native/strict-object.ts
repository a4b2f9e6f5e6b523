import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { nearestName } from '../../core/nearest-name.ts'

/** An object that may have these members and no others: a misspelt restriction must not be taken for none. */
export function strict<Shape extends z.core.$ZodShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownMembers(issue.keys, Object.keys(shape)) : undefined,
  })
}

/** One line for each unknown member, in their order; see `input-errors.ts`. */
function unknownMembers(names: readonly string[], known: readonly string[]): string {
  return names.map((name) => unknownName(name, known)).join('\n')
}

/** Why an unknown name is refused, with the known one that it probably means. */
function unknownName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? 'is not known here' : `is not known here; did you mean "${nearest}"?`
}

/** The known name in the text of a refusal of an unknown one, if it has one. */
export function suggestedName(refusal: string): string | undefined {
  return SUGGESTION.exec(refusal)?.[1]
}

const SUGGESTION = /did you mean "([^"]+)"\?$/

/** A JSON object of the client's own, taken as it is. */
export const jsonObject = z
  .custom<JsonObject>(isJsonObject, { error: 'must be an object' })
  .meta({ type: 'object' })
