/** Types that a searchable field may have. */
export type FieldType =
  | 'keyword'
  | 'text'
  | 'long'
  | 'integer'
  | 'short'
  | 'byte'
  | 'double'
  | 'float'
  | 'date'
  | 'boolean'
  | 'object'
  | 'nested'

/** One field: a leaf with a type, or an object with fields of its own. */
export type FieldMapping = {
  readonly type?: FieldType
  /** Keyword fields only: values, and the values they are compared with, are lower-cased first. */
  readonly normalizer?: 'lowercase'
  readonly properties?: Readonly<Record<string, FieldMapping>>
  /** Objects outside nested ones only: members that are not listed, at any depth, are fields of this type. */
  readonly dynamic?: 'keyword'
}

/** Which members of a document can be searched, and how. What is not listed is kept but matches nothing. */
export type Mapping = { readonly properties: Readonly<Record<string, FieldMapping>> }
