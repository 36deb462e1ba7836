// pg-boss: fetches and completes in batches; it keeps times on the job's row and no history.
import PgBoss from 'pg-boss';
import { createInterface } from 'node:readline/promises';

const BATCH = 500;
const BULK = 1000;

const [command, count] = process.argv.slice(2);
// Without its schedules and its upkeep, which would only take time from the worker.
const boss = new PgBoss({ host: process.env.PGHOST, schedule: false, supervise: false });
boss.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
await boss.start();

if (command === 'setup') {
  await boss.createQueue('nothing');
} else if (command === 'enqueue') {
  for (let first = 0; first < +count; first += BULK) {
    const size = Math.min(BULK, +count - first);
    await boss.insert(Array.from({ length: size }, (_, place) => ({ name: 'nothing', data: { rows: first + place } })));
  }
} else {
  console.log('ready');
  const lines = createInterface({ input: process.stdin });
  await lines[Symbol.asyncIterator]().next();
  for (;;) {
    const jobs = await boss.fetch('nothing', { batchSize: BATCH });
    if (jobs?.length) await boss.complete('nothing', jobs.map((job) => job.id));
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
await boss.stop({ graceful: false });
process.exit(0);
