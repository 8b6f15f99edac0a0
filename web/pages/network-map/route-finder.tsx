/** Asks the hub which way a message takes from a node to another one. */
import { NativeSelect } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useMemo } from 'react';
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
  const trace = useMutation({
    mutationFn: (toId: string) => hubApi.route(node.id, toId),
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
      <NativeSelect
        aria-label="Show the route to"
        data={[{ value: '', label: 'Show the route to…' }, ...others]}
        value={trace.isPending ? trace.variables : ''}
        disabled={trace.isPending}
        onChange={({ currentTarget: { value } }) => {
          if (value !== '') trace.mutate(value);
        }}
      />
      {trace.error !== null && (
        <p className={classes.problem} role="alert">
          {trace.error.message}
        </p>
      )}
    </section>
  );
}
