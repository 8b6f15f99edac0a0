/** Why the broker cannot listen, as a sentence that names the setting. */
import { StartError } from '../../../errors.ts';

export function listenErrorOf(error: Error, host: string, port: number): StartError {
  const code = 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE')
    return new StartError(
      'port_in_use',
      `MQTT port ${port} on ${host} is taken by another program, perhaps another broker; stop it, or choose another with mqtt.port`,
      { cause: error },
    );
  if (code === 'EACCES')
    return new StartError(
      'port_forbidden',
      `MQTT port ${port} on ${host} may not be opened by this user; choose one above 1023 with mqtt.port`,
      { cause: error },
    );
  return new StartError(
    'listen_failed',
    `the MQTT broker cannot listen on ${host} port ${port} (${error.message}); check server.host and mqtt.port`,
    { cause: error },
  );
}
