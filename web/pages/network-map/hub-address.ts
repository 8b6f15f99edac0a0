/** The hub's address as it goes into commands for other machines. */

/** Stands in the hub's own suggestions: it cannot know by which of its addresses others reach it. */
const placeholder = /ws:\/\/ADDRESS-OF-THE-HUB(:\d+)?/;

type Place = Pick<Location, 'protocol' | 'host' | 'hostname'>;

/** As this browser reaches it. */
export function hubAddress({ host, protocol }: Place): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}`;
}

/** Whether only this machine reaches the hub by it. */
export function isLoopback({ hostname }: Place): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** With the address that works for this browser, and so for the machines beside it. */
export function withHubAddress(command: string, place: Place): string {
  return isLoopback(place) ? command : command.replace(placeholder, () => hubAddress(place));
}
