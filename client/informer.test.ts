import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '../api/types/core.v1.ts';
import type { ConnectionError } from './client.ts';
import { type Answer, type Fixture, say, startFixture } from './fixture.ts';
import { Informer } from './informer.ts';
import { pods } from './resources.ts';
import { RestClient } from './rest.ts';

/** Serves pods the way an API server does, as far as an informer looks: a list, and a watch that this test feeds. */
class Server {
  readonly requests: string[] = [];
  version = 10;
  objects = new Map<string, Pod>();
  #watches: ((line: object) => void)[] = [];
  #changed: (() => void)[] = [];
  refuseWatch: object | undefined;

  readonly answer: Answer = (request, response) => {
    const url = new URL(request.url!, 'https://x');
    const watch = url.searchParams.has('watch');
    this.requests.push(watch ? `watch ${url.searchParams.get('resourceVersion')}` : 'list');
    if (!watch) {
      say(response, 200, { metadata: { resourceVersion: `${this.version}` }, items: [...this.objects.values()] });
    } else if (this.refuseWatch) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: this.refuseWatch })}\n`);
      this.refuseWatch = undefined;
    } else {
      response.flushHeaders();
      this.#watches.push((line) => response.write(`${JSON.stringify(line)}\n`));
    }
    for (const wake of this.#changed.splice(0)) wake();
  };

  put(name: string, uid = name): void {
    this.version += 1;
    const known = this.objects.has(name);
    const object: Pod = { metadata: { name, namespace: 'ns', uid, resourceVersion: `${this.version}` } };
    this.objects.set(name, object);
    this.tell(known ? 'MODIFIED' : 'ADDED', object);
  }

  remove(name: string): void {
    this.version += 1;
    const object = this.objects.get(name)!;
    this.objects.delete(name);
    this.tell('DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: `${this.version}` } });
  }

  tell(type: string, object: object): void {
    for (const write of this.#watches) write({ type, object });
  }

  /** Changes without anyone hearing of it: the watches are gone. */
  forgetWatches(): void {
    this.#watches = [];
  }

  async requested(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(server: Server): Promise<{ informer: Informer<Pod>; said: string[]; fixture: Fixture }> {
  const fixture = await startFixture(server.answer);
  const client = new RestClient({ server: fixture.url, ca: fixture.ca }, { userAgent: 'test' });
  const informer = new Informer({
    client,
    resource: pods,
    indexers: { first: (pod) => [pod.metadata.name[0]] },
  });
  const said: string[] = [];
  informer.addHandlers({
    add: (pod) => said.push(`+${pod.metadata.name}`),
    update: (pod, old) => said.push(`${old.metadata.resourceVersion}>${pod.metadata.resourceVersion}`),
    delete: (pod) => said.push(`-${pod.metadata.uid}`),
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  cleanups.push(
    () => fixture.close(),
    () => client.close(),
    async () => {
      stop.abort();
      await running;
    },
  );
  return { informer, said, fixture };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

describe('Informer', () => {
  it('lists, then follows the watch', async () => {
    const server = new Server();
    server.put('a');
    const { informer, said } = await start(server);
    await informer.synced();
    expect(informer.list().map((pod) => pod.metadata.name)).toEqual(['a']);
    await server.requested(2);
    server.put('b');
    server.put('a');
    server.remove('b');
    await until(() => said.length === 4);
    expect(said).toEqual(['+a', '+b', '11>13', '-b']);
    expect(informer.byIndex('first', 'b')).toEqual([]);
    expect(informer.byIndex('first', 'a')).toHaveLength(1);
    expect(() => informer.byIndex('last', 'a')).toThrow('no index "last"');
  });

  it('resumes a broken watch where it stopped, without listing again', async () => {
    const server = new Server();
    const { informer, said, fixture } = await start(server);
    await informer.synced();
    await server.requested(2);
    server.put('a');
    await until(() => said.length === 1);
    server.forgetWatches();
    fixture.breakConnections();
    await server.requested(3);
    server.put('b');
    await until(() => said.length === 2);
    expect(server.requests).toEqual(['list', 'watch 10', 'watch 11']);
  });

  it('lists again when its version has expired, and tells what happened meanwhile', async () => {
    const server = new Server();
    server.put('gone');
    server.put('same');
    server.put('changed');
    server.put('reused', 'uid-1');
    const { informer, said, fixture } = await start(server);
    await informer.synced();
    await server.requested(2);
    server.forgetWatches();
    server.remove('gone');
    server.put('changed');
    server.remove('reused');
    server.put('reused', 'uid-2');
    server.refuseWatch = { code: 410, reason: 'Expired', message: 'too old resource version' };
    said.length = 0;
    fixture.breakConnections();
    await server.requested(5);
    expect(server.requests).toEqual(['list', 'watch 14', 'watch 14', 'list', 'watch 18']);
    expect(said.sort()).toEqual(['+reused', '-gone', '-uid-1', '13>16']);
  });

  it('tells late handlers what is there', async () => {
    const server = new Server();
    server.put('a');
    const { informer } = await start(server);
    await informer.synced();
    const late: string[] = [];
    informer.addHandlers({ add: (pod) => late.push(pod.metadata.name) });
    expect(late).toEqual(['a']);
  });

  it('waits for a server that is not there yet', async () => {
    const server = new Server();
    const reserved = await startFixture(server.answer);
    await reserved.close();
    const client = new RestClient({ server: reserved.url, ca: reserved.ca }, { userAgent: 'test' });
    await expect(client.list(pods)).rejects.toSatisfy((error: ConnectionError) => error.name === 'ConnectionError');
    const informer = new Informer({ client, resource: pods });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    const fixture = await startFixture(server.answer, { port: Number(new URL(reserved.url).port), from: reserved });
    await informer.synced();
    stop.abort();
    await running;
    await client.close();
    await fixture.close();
  });
});
