/** Asks the hub which way a message takes from a node to another one. */
import { Button, NativeSelect } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { hubApi } from '../../api/hub-api.ts';
import { type DisplayedMap, labelOf, type ShownNode } from './displayed-map.ts';
import { type Highlight, routeHighlight } from './picking.ts';
import details from './node-details.module.css';
import classes from './route.module.css';

export interface RouteFinderProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onHighlight: (highlight: Highlight) => void;
}

export function RouteFinder({ map, node, onHighlight }: RouteFinderProps) {
  const [toId, setToId] = useState('');
  const trace = useMutation({
    mutationFn: (id: string) => hubApi.route(node.id, id),
    onSuccess: (route) => onHighlight(routeHighlight(route, map)),
  });
  const others = useMemo(
    () =>
      map.nodes
        .filter(({ id, network }) => network === node.network && id !== node.id)
        .map((other) => ({ value: other.id, label: labelOf(other) }))
        .sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true })),
    [map, node.id, node.network],
  );
  if (others.length === 0) return null;
  return (
    <section>
      <h3 className={details.section}>Route</h3>
      {/* Not at the change of the choice: with the keyboard, that comes at every step through the list. */}
      <form
        className={classes.finder}
        onSubmit={(event) => {
          event.preventDefault();
          if (toId !== '') trace.mutate(toId);
        }}
      >
        <NativeSelect
          className={classes.choice}
          aria-label="Show the route to"
          data={[{ value: '', label: 'To which node?' }, ...others]}
          value={toId}
          onChange={({ currentTarget: { value } }) => setToId(value)}
        />
        <Button type="submit" variant="default" disabled={toId === ''} loading={trace.isPending}>
          Show
        </Button>
      </form>
      {trace.error !== null && (
        <p className={classes.problem} role="alert">
          {trace.error.message}
        </p>
      )}
    </section>
  );
}
