/** Another node's name; a click opens its details. */
import { type DisplayedMap, labelOf } from './displayed-map.ts';
import classes from './node-details.module.css';

export interface NodeLinkProps {
  readonly map: DisplayedMap;
  readonly id: string;
  readonly onSelect: (id: string) => void;
}

export function NodeLink({ map, id, onSelect }: NodeLinkProps) {
  const node = map.nodeById.get(id);
  if (node === undefined) return <span className="mono">{id}</span>;
  return (
    <button type="button" className={classes.link} onClick={() => onSelect(id)}>
      {labelOf(node)}
    </button>
  );
}
