/** Where a store that another one is moved into says how far that is, in its config. */
export const MOVE_STATE = 'move'

/** How far a move is. */
export type MoveState = {
  /** Identity of the source. */
  readonly from: string
  /** `copying`: nobody may use the store yet, since a further pass would undo what they do. */
  readonly state: 'copying' | 'finished'
}
