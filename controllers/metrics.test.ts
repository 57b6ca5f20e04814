import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../host/clock.ts';
import { serveHealth } from './health.ts';
import { ControllerMetrics } from './metrics.ts';

/** What is to come later does not come while the test looks. */
const clock: Clock = { ...systemClock, sleep: () => new Promise(() => {}) };

/** The value of each line whose name and labels start with `what`. */
function values(text: string, what: string): number[] {
  const lines = text.split('\n').filter((line) => line.startsWith(what));
  return lines.map((line) => Number(line.split(' ').at(-1)));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('what the controllers did can be asked for, under upstream’s names', async () => {
  const metrics = new ControllerMetrics();
  const at = { host: '127.0.0.1', port: await freePort() };
  const stop = await serveHealth(at, metrics);
  const ask = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${at.port}${path}`);
    return [response.status, await response.text()];
  };
  try {
    const queue = metrics.queue('replicaset', clock);
    metrics.queue('namespace', clock);
    for (const key of ['a', 'b', 'b', 'c']) queue.add(key);
    await queue.take();
    await queue.take();
    queue.add('a'); // comes again when it is done
    queue.done('a');
    queue.addRateLimited('b');
    metrics.answered('127.0.0.1:6443', { method: 'PATCH', code: 200, seconds: 0.02 });
    metrics.leads('vitrine-controllers', true);
    const [code, text] = await ask('/metrics');
    expect(code).toBe(200);
    expect(values(text, 'workqueue_adds_total{name="replicaset"}')).toEqual([4]);
    expect(values(text, 'workqueue_depth{name="replicaset"}')).toEqual([2]);
    expect(values(text, 'workqueue_depth{name="namespace"}')).toEqual([0]);
    expect(values(text, 'workqueue_retries_total{name="replicaset"}')).toEqual([1]);
    expect(values(text, 'workqueue_queue_duration_seconds_count{name="replicaset"}')).toEqual([2]);
    expect(values(text, 'workqueue_work_duration_seconds_count{name="replicaset"}')).toEqual([1]);
    expect(values(text, 'workqueue_unfinished_work_seconds{name="replicaset"}')[0]).toBeGreaterThanOrEqual(0);
    expect(values(text, 'rest_client_requests_total{code="200",host="127.0.0.1:6443",method="PATCH"}')).toEqual([1]);
    expect(values(text, 'rest_client_request_duration_seconds_bucket{le="0.025"')).toEqual([1]);
    expect(values(text, 'leader_election_master_status{name="vitrine-controllers"}')).toEqual([1]);
    expect(values(text, 'process_resident_memory_bytes ')[0]).toBeGreaterThan(0);
    for (const path of ['/healthz', '/livez', '/readyz?verbose']) expect(await ask(path)).toEqual([200, 'ok']);
    expect((await ask('/elsewhere'))[0]).toBe(404);
    queue.shutDown();
  } finally {
    stop();
  }
});
