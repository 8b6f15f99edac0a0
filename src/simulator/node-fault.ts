/** What can be wrong with a virtual node. A healthy one has no fault. */

export const malformations = [
  /** JSON that ends in the middle. */
  'broken_json',
  /** 2.05 without a payload. */
  'empty',
  /** 4.04 Not Found: other firmware. */
  'not_found',
  /** A reset instead of an answer. */
  'reset',
  /** A block-wise body of a mebibyte. */
  'huge',
  /** Well-formed, and not a network_info. */
  'wrong_fields',
] as const;
export type Malformation = (typeof malformations)[number];

export type NodeFault =
  | { readonly kind: 'dead' }
  /** Every answer takes this much longer. */
  | { readonly kind: 'slow'; readonly byMs: number }
  /** An empty acknowledgement at once, the answer as a separate response so much later. */
  | { readonly kind: 'late'; readonly afterMs: number }
  | { readonly kind: 'malformed'; readonly how: Malformation };
