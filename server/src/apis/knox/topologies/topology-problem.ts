/** Why a file describes no topology that could be offered; the message names file, role, provider and parameter. */
export class TopologyProblem extends Error {
  override readonly name = 'TopologyProblem'
}
