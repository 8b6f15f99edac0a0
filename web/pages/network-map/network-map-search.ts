/** The part of the network map's state that its address carries, so that it can be linked and survives a reload. */
export interface NetworkMapSearch {
  /** Absent: the map. */
  readonly view?: 'list';
  /** Id of the node whose details are open. */
  readonly node?: string;
}

export function toNetworkMapSearch(search: Record<string, unknown>): NetworkMapSearch {
  const { view, node } = search;
  return {
    ...(view === 'list' && { view }),
    ...((typeof node === 'string' || typeof node === 'number') && node !== '' && { node: String(node) }),
  };
}
