/** Runs the force layout off the page's thread: a thousand nodes take seconds, and the map stays in hand meanwhile. */
import { type LayoutRequest, layoutNetwork } from './network-layout.ts';

self.addEventListener('message', (event: MessageEvent<{ job: number; requests: LayoutRequest[] }>) => {
  const { job, requests } = event.data;
  self.postMessage({ job, results: requests.map(layoutNetwork) });
});
