/** A simulated sensor's connection to an MQTT broker: QoS 1, persistent session, reconnecting. */
import { connect } from 'mqtt';
import type { HousePublisher } from './simulated-house.ts';

export interface MqttPublisherOptions {
  /** `mqtt://127.0.0.1:1883` */
  readonly brokerUrl: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
}

const reconnectMs = 1_000;

export function createMqttPublisher(options: MqttPublisherOptions): HousePublisher {
  const { brokerUrl, clientId, password, username } = options;
  const client = connect(brokerUrl, {
    clientId,
    clean: false,
    reconnectPeriod: reconnectMs,
    keepalive: 30,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  // It goes on trying by itself; what it could not send waits.
  client.on('error', () => undefined);
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;
  const publish: HousePublisher['publish'] = async (message) => {
    const { payload, retain, topic } = message;
    try {
      await client.publishAsync(topic, payload, { qos: 1, retain });
    } catch (error) {
      // What comes while earlier messages are sent again is given back where the connection ends in the middle of that.
      if (isClosed) throw error;
      await publish(message);
    }
  };
  return {
    publish,
    interrupt(forMs) {
      client.options.reconnectPeriod = Math.max(1, Math.round(forMs));
      client.stream.destroy();
      timer = setTimeout(() => (client.options.reconnectPeriod = reconnectMs), forMs + reconnectMs);
      timer.unref();
    },
    async close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      await client.endAsync(true);
    },
  };
}
