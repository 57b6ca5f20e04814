import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';
import { MemoryStore } from '../storage/memory.ts';
import type { Op } from '../storage/store.ts';

/** A store whose writes wait until they are let through. */
class SlowStore extends MemoryStore {
  isOpen = true;
  readonly #waiting: Array<() => void> = [];

  override async commit(ops: readonly Op[]): Promise<number> {
    if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return super.commit(ops);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  release(): void {
    this.isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }
}

let server: TestServer | undefined;
afterEach(() => server?.close());

const FOLDER = '/api/v1/namespaces/default/configmaps';

it('refuses what is too much with 429 and a time to come back, and serves everything else', async () => {
  const store = new SlowStore();
  server = await startTestServer({ store, inFlight: { mutating: 2 } });
  const create = (name: string) => server!.ask('POST', FOLDER, { body: { metadata: { name } } });
  store.isOpen = false;
  const slow = [create('a'), create('b')];
  await expect.poll(() => store.waiting).toBe(2);
  const refused = await create('c');
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  expect(refused.body).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } });
  expect((await server.ask('GET', FOLDER)).status).toBe(200);
  expect((await server.ask('GET', '/healthz')).body).toBe('ok');
  store.release();
  expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([201, 201]);
  expect((await create('c')).status).toBe(201);
});

it('counts no watches', async () => {
  server = await startTestServer({ inFlight: { reading: 1 } });
  const watches = await Promise.all([1, 2, 3].map(() => server!.watch(`${FOLDER}?watch=1`)));
  expect((await server.ask('GET', FOLDER)).status).toBe(200);
  for (const watch of watches) watch.stop();
});
