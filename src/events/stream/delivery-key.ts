/**
 * Names one MQTT QoS 2 delivery: the packet id that a client uses until its exchange is over. The packet id comes first,
 * so that whatever a client calls itself, no two deliveries share a key.
 */
export const deliveryKey = (clientId: string, packetId: number): string => `${packetId}:${clientId}`;

/** The client of a delivery, as it was given to `deliveryKey`. */
export const clientOfDelivery = (key: string): string => key.slice(key.indexOf(':') + 1);
