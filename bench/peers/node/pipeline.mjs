// The official Node SDK: `track` makes a conversion with 5 attributes and 5
// tags, its batch processor batches them, and a dispatcher writes the JSON and
// sends it nowhere. The loop yields every 1,000 events, for the timers.
//
//   node pipeline.mjs FOLDER DATAFILE EVENTS BATCH
//
// FOLDER is where the package was installed. The names in the output are those
// of ../../pipeline.c; a first tenth of the events warms up.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';

const [folder, datafile, count, batch] = process.argv.slice(2);
const sdk = createRequire(folder + '/')('@optimizely/optimizely-sdk');

const VISITORS = 1024;
const users = Array.from({ length: VISITORS }, (_, i) =>
  `5f0c3a8e-77aa-4a52-9c1d-${String(i).padStart(12, '0')}`);
const attributes = { device: 'iphone', plan: 'premium-annual', age: 42,
  score: 3.25, beta: true };
const tags = { revenue: 4200, value: 13.37, category: 'shoes', sku: 'A-1234',
  qty: 2 };

const sent = { events: 0, bytes: 0 };
const processor = sdk.createBatchEventProcessor({
  eventDispatcher: {
    async dispatchEvent({ params }) {
      sent.bytes += JSON.stringify(params).length;
      sent.events += params.visitors.length;
      return { statusCode: 204 };
    },
  },
  batchSize: Number(batch),
  flushInterval: 30000,
});
const client = sdk.createInstance({
  projectConfigManager: sdk.createStaticProjectConfigManager({
    datafile: readFileSync(datafile, 'utf8') }),
  eventProcessor: processor,
});
await client.onReady();

async function run(events) {
  for (let i = 0; i < events; i++) {
    client.track('purchase', users[i % VISITORS], attributes, tags);
    if (i % 1000 === 999) await setImmediate();
  }
}

await run(count / 10);
const before = sent.events;
const start = process.hrtime.bigint();
const usage = process.cpuUsage();
await run(count);
const spent = process.cpuUsage(usage);
const wall = Number(process.hrtime.bigint() - start) / 1e9;
const delivered = sent.events - before;
console.log(`offered ${count}
delivered ${delivered}
wall_s ${wall}
cpu_ns ${(spent.user + spent.system) * 1000 / count}
json_bytes ${sent.bytes / sent.events}`);
process.exit(0);
