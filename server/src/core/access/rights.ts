/** What somebody wants to do. Index and collection only matter where a policy is restricted to some data. */
export type Right = {
  readonly controller: string
  readonly action: string
  readonly index?: string
  readonly collection?: string
}

/** One line of a listing of rights; `*` stands for every one. */
export type RightEntry = {
  readonly controller: string
  readonly action: string
  readonly index: string
  readonly collection: string
  readonly value: 'allowed' | 'denied'
}
