import { MemoryDurableStream } from '../../../test/support/memory-durable-stream.ts';
import { systemClock } from '../../clock.ts';
import { contractShardCounts as counts, describeDurableStream } from './durable-stream.contract.ts';

describeDurableStream('the stream of the tests', () => {
  let stream = new MemoryDurableStream({ clock: systemClock, counts });
  return Promise.resolve({
    stream,
    async reopen() {
      await stream.close();
      stream = stream.reopened(counts);
      return stream;
    },
    release: () => stream.close(),
  });
});
