/** What is wrong with one member of a role or profile, as `facts` of `role.invalid` and `profile.invalid`. */
export type ShapeProblem =
  | { readonly problem: 'missing_argument' | 'empty_argument'; readonly argument: string }
  | {
      readonly problem: 'invalid_type' | 'invalid_argument'
      readonly argument: string
      readonly expected: string
    }
  | {
      readonly problem: 'unexpected_argument'
      readonly argument: string
      /** The names that are accepted, quoted and separated by commas. */
      readonly accepted: string
    }

/** The problem as a sentence that ends an error message. */
export function printShapeProblem(problem: ShapeProblem): string {
  switch (problem.problem) {
    case 'missing_argument':
      return `"${problem.argument}" is missing`
    case 'empty_argument':
      return `"${problem.argument}" is empty`
    case 'invalid_type':
      return `"${problem.argument}" must be of type ${problem.expected}`
    case 'invalid_argument':
      return `"${problem.argument}" must be ${problem.expected}`
    case 'unexpected_argument':
      return `"${problem.argument}" is not one of ${problem.accepted}`
  }
}
