// Leader election and events against the real server; only the clock is the test's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import { EventRecorder } from '../../client/events.ts';
import { LeadershipLostError, runAsLeader } from '../../client/leader-election.ts';
import { events, leases, namespaces } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import type { Clock } from '../../host/clock.ts';
import { aborted } from '../../host/lifecycle.ts';
import { eventually, find } from './cluster.ts';

/** Time stands still until `pass`; sleeps that end meanwhile resolve. */
class TestClock implements Clock {
  #now = Date.now();
  readonly #sleepers = new Set<{ due: number; wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { due: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.due > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

let client: RestClient;
const cleanups: (() => Promise<void>)[] = [];
beforeAll(async () => {
  const store = new MemoryStore();
  const server = await startApiServer({ store });
  client = new RestClient({ server: server.url, ca: server.caCert, token: server.token }, { userAgent: 'test' });
  cleanups.push(
    () => client.close(),
    () => server.close(),
    () => store.close(),
  );
});
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

describe('runAsLeader', () => {
  const start = (name: string, identity: string, clock: Clock) => {
    const stop = new AbortController();
    const terms: AbortSignal[] = [];
    const lead = async (signal: AbortSignal): Promise<void> => {
      terms.push(signal);
      await aborted(signal);
    };
    const running = runAsLeader({ client, lease: { name, namespace: 'default' }, identity, clock }, lead, stop.signal);
    return { terms, running, stop };
  };
  const holder = async (name: string) =>
    (await find(client, leases, { name, namespace: 'default' }))?.spec?.holderIdentity;

  it('lets one work; the next takes over when it gives up', async () => {
    const clock = new TestClock();
    const a = start('handover', 'a', clock);
    await eventually(async () => a.terms.length === 1);
    const b = start('handover', 'b', clock);
    await eventually(async () => {
      clock.pass(1_000);
      return clock.now() && (await holder('handover')) === 'a';
    });
    expect(b.terms).toEqual([]);
    a.stop.abort();
    await a.running;
    await eventually(async () => {
      clock.pass(2_500);
      return b.terms.length === 1;
    });
    expect(await holder('handover')).toBe('b');
    b.stop.abort();
    await b.running;
  });

  it('takes a lease whose holder fell silent, but not before its time', async () => {
    const clock = new TestClock();
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15 };
    await client.create(leases, { metadata: { name: 'silent', namespace: 'default' }, spec });
    const started = clock.now();
    const a = start('silent', 'a', clock);
    await eventually(async () => {
      if (a.terms.length === 0) clock.pass(500);
      return a.terms.length === 1;
    });
    expect(clock.now() - started).toBeGreaterThanOrEqual(15_000);
    expect((await client.get(leases, { name: 'silent', namespace: 'default' })).spec!.leaseTransitions).toBe(1);
    a.stop.abort();
    await a.running;
  });

  it('ends the work when someone else took the lease', async () => {
    const clock = new TestClock();
    const a = start('stolen', 'a', clock);
    await eventually(async () => a.terms.length === 1);
    await client.patch(leases, { name: 'stolen', namespace: 'default' }, { spec: { holderIdentity: 'thief' } });
    const outcome = a.running.catch((error: unknown) => error);
    await eventually(async () => {
      clock.pass(1_000);
      return a.terms[0].aborted;
    });
    expect(await outcome).toBeInstanceOf(LeadershipLostError);
  });
});

describe('EventRecorder', () => {
  it('counts what is said again, combines what is similar, and stops at a flood', async () => {
    const recorder = new EventRecorder({ client, component: 'tester' });
    const object = await client.create(namespaces, { metadata: { name: 'talked-about' } });
    const say = (reason: string, message: string) =>
      recorder.record({ resource: namespaces, object, type: 'Normal', reason, message });
    for (let i = 0; i < 3; i++) say('Same', 'again');
    for (let i = 0; i < 12; i++) say('Similar', `number ${i}`);
    for (let i = 0; i < 30; i++) say('Flood', 'of words');
    await recorder.flushed();
    const { items } = await client.list(events, {
      namespace: 'default',
      fieldSelector: 'involvedObject.name=talked-about',
    });
    const counts = (reason: string) =>
      items
        .filter((event) => event.reason === reason)
        .map(({ count }) => count)
        .sort();
    expect(counts('Same')).toEqual([3]);
    expect(counts('Similar')).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    expect(items.filter(({ message }) => message?.startsWith('(combined from similar events): '))).toHaveLength(1);
    expect(counts('Flood')).toEqual([10]);
    expect(items[0].source?.component).toBe('tester');
  });
});
