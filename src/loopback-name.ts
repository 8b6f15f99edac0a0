/** Which names mean this machine and nobody else's: what decides whether a hub runs open. */

/** `localhost`, `*.localhost` (RFC 6761 §6.3), 127.0.0.0/8, `::1` with or without brackets. */
export function isLoopbackName(name: string): boolean {
  const lower = name.toLowerCase().replace(/\.$/, '');
  if (lower === 'localhost' || lower.endsWith('.localhost')) return true;
  if (lower === '::1' || lower === '[::1]') return true;
  const octets = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(lower);
  return octets !== null && octets.slice(1).every((octet) => Number(octet) <= 255);
}
