/** Changes one bucket as fast as it can, `rounds` times, with values that show when they are torn. */
import { workerData } from 'node:worker_threads';
import { Cells } from '../../dist/shared/cells.js';
import { Layout } from '../../dist/shared/layout.js';
import { takePlace } from '../../dist/shared/places.js';

const layout = new Layout(workerData.space);
const cells = new Cells(layout, takePlace(layout));
const pieces = Array.from({ length: 256 }, (_, byte) => Buffer.alloc(cells.capacity - 8 * byte, byte));
for (let done = 0; done < workerData.rounds;) {
  const seen = cells.read(0);
  const count = seen.bytes.length === 0 ? 0 : seen.bytes.readUInt32LE(0);
  const next = pieces[(count + 1) % 256];
  next.writeUInt32LE(count + 1, 0);
  if (cells.publish(0, seen, next)) done += 1;
}
