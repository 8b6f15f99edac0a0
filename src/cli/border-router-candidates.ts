/** What `threadhub border-routers --candidates` prints: who is on the local network, and how each would be connected. */
import type { BorderRouterCandidateWire } from '../protocol/border-router-candidate.ts';
import { printable } from '../printable.ts';
import { type Palette, renderTable } from './text-layout.ts';

export function renderCandidates(items: readonly BorderRouterCandidateWire[], palette: Palette): string {
  if (items.length === 0) return 'No border router announces itself on the local network of the hub.\n';
  const table = renderTable(
    ['NAME', 'NETWORK', 'EXT ADDRESS', 'ADDRESS', 'REST', 'STATE'],
    items.map((item) => [
      item.name,
      item.network_name,
      item.ext_addr,
      item.addresses[0] ?? null,
      item.rest,
      stateOf(item),
    ]),
    palette,
  );
  const conflicts = items.flatMap(({ conflict, name }) =>
    conflict === null ? [] : [`${name}: ${conflict}`],
  );
  const commands = items.flatMap(({ connect_command: command, name, run_on: runOn }) =>
    command === null
      ? []
      : [`${name}${runOn === 'border_router' ? ', on the border router itself' : ''}:\n  ${command}`],
  );
  return (
    table +
    printable(
      conflicts.length === 0 ? '' : `\nConflicts:\n${conflicts.map((line) => `  ${line}\n`).join('')}`,
    ) +
    printable(commands.length === 0 ? '' : `\nTo connect:\n${commands.map((line) => `${line}\n`).join('')}`)
  );
}

function stateOf({
  conflict,
  connected_as: connectedAs,
  thread_active: isActive,
}: BorderRouterCandidateWire): string {
  if (conflict !== null) return 'conflict';
  if (connectedAs !== null) return `connected as ${connectedAs}`;
  return isActive === false ? 'not attached' : 'not connected';
}
