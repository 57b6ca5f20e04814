// The loop between changes and the kernel, with a clock that the test moves and a backend that keeps its kernel in memory.
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../host/log.ts';
import { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import { ServiceTracker } from './changes/services.ts';
import { PlanMaker } from './make-plan.ts';
import { ProxyMetrics } from './metrics.ts';
import { NODE } from './plan.stand-ins.ts';
import { type Call, ManualClock, MemoryBackend, type Sleep } from './sync.stand-ins.ts';
import { SyncLoop, type SyncReport } from './sync.ts';

const PERIOD = 30_000;

class Bench {
  readonly clock = new ManualClock();
  readonly backend = new MemoryBackend();
  readonly services = new ServiceTracker();
  readonly slices = new EndpointSliceTracker();
  readonly reports: SyncReport[] = [];
  readonly leftOut: string[] = [];
  readonly loop: SyncLoop;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** `place` is where the kernel is asked what it refuses; absent: there is none. */
  constructor({ place }: { place?: MemoryBackend } = {}) {
    const { slices, backend } = this;
    const trial = place && (() => Promise.resolve({ backend: place, end: () => place.cleanup() }));
    this.loop = new SyncLoop({
      services: this.services,
      slices,
      families: [{ family: 'IPv4', maker: new PlanMaker('IPv4', this.services, slices), backend, trial }],
      facts: () => NODE,
      metrics: new ProxyMetrics(),
      log: silentLogger,
      syncPeriodMs: PERIOD,
      clock: this.clock,
      observe: (report) => this.reports.push(report),
      refused: (_, { port }) => this.leftOut.push(port.id),
    });
  }

  set(name: string, port: number, resourceVersion = ''): void {
    this.#track(name, port);
    this.loop.changed(resourceVersion);
  }

  /** A new Service with a selector. */
  add(name: string, port: number): void {
    this.#track(name, port);
    this.loop.added(`default/${name}`);
  }

  #track(name: string, port: number): void {
    const ports = [{ port, protocol: 'TCP' as const }];
    this.services.set({
      metadata: { name, namespace: 'default' },
      spec: { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports },
    });
  }

  addSlice(service: string): void {
    const labels = { 'kubernetes.io/service-name': service };
    const metadata = { name: `${service}-1`, namespace: 'default', labels };
    this.slices.set({ metadata, addressType: 'IPv4', endpoints: [], ports: [] });
    this.loop.changed();
  }

  /** Starts, and lets the first sync pass; returns the sleep after it. */
  async start(): Promise<Sleep> {
    this.#running = this.loop.run(this.#stop.signal);
    (await this.backend.calls.take()).done();
    return this.clock.sleeps.take();
  }

  /** The next sync, which must be of this kind. */
  async next(how: Call['how']): Promise<Call> {
    const call = await this.backend.calls.take();
    expect(call.how).toBe(how);
    return call;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

describe('the sync loop', () => {
  let bench: Bench;
  let asleep: Sleep;
  const started = async (options?: ConstructorParameters<typeof Bench>[0]): Promise<Bench> => {
    bench = new Bench(options);
    bench.set('web', 80);
    asleep = await bench.start();
    return bench;
  };
  afterEach(() => bench.stop());

  it('begins with everything', async () => {
    const { backend, reports } = await started();
    expect([...backend.kernel]).toEqual([['default/web', 80]]);
    expect(reports.map(({ how }) => how)).toEqual(['full']);
  });

  it('applies one change at once, and only that', async () => {
    const { backend, reports } = await started();
    bench.set('shop', 8080, '42');
    const call = await bench.next('partial');
    expect(call.changed).toEqual(['default/shop']);
    call.done();
    await bench.clock.sleeps.take();
    expect(backend.kernel.get('default/shop')).toBe(8080);
    expect(reports.at(-1)).toMatchObject({ resourceVersion: '42', seenAt: 1_000_000, appliedAt: 1_000_000 });
  });

  it('gathers what comes while a sync runs into one more', async () => {
    const { backend } = await started();
    bench.set('a', 1);
    const first = await bench.next('partial');
    for (const [at, name] of ['a', 'b', 'c', 'b'].entries()) bench.set(name, 100 + at);
    first.done();
    const second = await bench.next('partial');
    expect([...second.changed].sort()).toEqual(['default/a', 'default/b', 'default/c']);
    second.done();
    await bench.clock.sleeps.take();
    expect(backend.calls.size).toBe(0);
    expect([...backend.kernel.values()].sort()).toEqual([100, 102, 103, 80].sort());
  });

  it('repairs everything after a failure, later each time', async () => {
    const { clock, backend, loop } = await started();
    bench.set('a', 1);
    const waits: number[] = [];
    (await bench.next('partial')).refuse();
    for (let tries = 0; tries < 8; tries += 1) {
      const sleep = await clock.sleeps.take();
      waits.push(sleep.ms);
      sleep.wake();
      (await bench.next('full')).refuse();
      if (tries > 0) (await bench.next('full')).refuse(); // without what changed either
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
    const last = await clock.sleeps.take();
    expect(loop.health.get('IPv4')!.waitingSince).toBe(1_000_000); // the health check sees since when
    last.wake();
    (await bench.next('full')).done();
    expect((await clock.sleeps.take()).ms).toBe(PERIOD);
    expect(backend.kernel.get('default/a')).toBe(1);
    expect(loop.health.get('IPv4')!.waitingSince).toBe(0);
    bench.set('a', 2);
    (await bench.next('partial')).refuse();
    expect((await clock.sleeps.take()).ms).toBe(100); // a success forgets the back-off
  });

  it('repairs when the guard tells, once for many news', async () => {
    const { backend } = await started();
    backend.kernel.clear();
    for (let news = 0; news < 5; news += 1) backend.lost();
    (await bench.next('full')).done();
    await bench.clock.sleeps.take();
    expect([...backend.kernel.keys()]).toEqual(['default/web']);
    expect(backend.calls.size).toBe(0);
  });

  it('repairs again when the guard tells while a repair runs', async () => {
    const { backend } = await started();
    backend.lost();
    const first = await bench.next('full');
    backend.lost();
    first.done();
    (await bench.next('full')).done();
    await bench.clock.sleeps.take();
    expect(backend.calls.size).toBe(0);
  });

  it('looks for drift now and then, and repairs what it finds', async () => {
    const { clock, backend } = await started();
    bench.set('web', 81);
    (await bench.next('partial')).done();
    const sleep = await clock.sleeps.take();
    expect(sleep.ms).toBe(PERIOD);
    backend.kernel.clear();
    sleep.wake();
    (await backend.looks.take())(false);
    (await bench.next('full')).done();
    await clock.sleeps.take();
    expect([...backend.kernel]).toEqual([['default/web', 81]]);
  });

  it('rests after a sync during which changes came, for as long as it took but hardly felt', async () => {
    const { backend, clock } = await started();
    for (const [took, rest] of [
      [4, 4],
      [3000, 10],
    ]) {
      bench.set('a', took);
      const first = await bench.next('partial');
      bench.set('b', took);
      clock.time += took;
      first.done();
      const sleep = await clock.sleeps.take();
      expect([sleep.ms, backend.calls.size]).toEqual([rest, 0]);
      sleep.wake();
      (await bench.next('partial')).done();
      await clock.sleeps.take();
    }
  });

  it('leaves alone what is as it should be', async () => {
    const { clock, backend, loop } = await started();
    asleep.wake();
    (await backend.looks.take())(true);
    await clock.sleeps.take();
    await new Promise(setImmediate); // whatever follows has followed
    expect(backend.calls.size).toBe(0);
    expect(loop.health.get('IPv4')!.syncedAt).toBe(clock.time);
  });

  it('applies changes while it looks', async () => {
    const { clock, backend } = await started();
    asleep.wake();
    const look = await backend.looks.take();
    bench.set('shop', 8080);
    (await bench.next('partial')).done();
    await clock.sleeps.take();
    expect(backend.kernel.get('default/shop')).toBe(8080);
    look(true);
  });

  it('repairs at last when looking tells nothing again and again', async () => {
    const { clock, backend } = await started();
    for (let looks = 0; looks < 3; looks += 1) {
      expect(backend.calls.size).toBe(0);
      asleep.wake();
      (await backend.looks.take())(undefined);
      asleep = await clock.sleeps.take();
    }
    (await bench.next('full')).done();
  });

  it('looks less often where looking takes long', async () => {
    await started();
    bench.backend.lost();
    const call = await bench.next('full');
    bench.clock.time += 2 * PERIOD;
    call.done();
    expect((await bench.clock.sleeps.take()).ms).toBe(50 * 2 * PERIOD);
  });

  it('leaves out what is refused again and again, serves the rest, and tries again when it changes', async () => {
    const { clock, backend } = await started();
    bench.set('bad', 1);
    (await bench.next('partial')).refuse();
    (await clock.sleeps.take()).wake();
    (await bench.next('full')).refuse();
    bench.set('good', 2);
    (await clock.sleeps.take()).wake();
    (await bench.next('full')).refuse(); // with both
    (await bench.next('full')).done(); // without either
    (await bench.next('full')).refuse(); // with both again
    (await bench.next('full')).refuse(); // with the one
    (await bench.next('full')).done(); // with the other
    (await bench.next('full')).done(); // and once more, all that is left
    await clock.sleeps.take();
    expect([...backend.kernel.keys()]).toEqual(['default/web', 'default/good']);
    expect(bench.leftOut).toEqual(['default/bad']);
    bench.set('good', 3);
    (await bench.next('partial')).done();
    await clock.sleeps.take();
    expect(backend.kernel.get('default/good')).toBe(3);
    bench.set('bad', 80);
    const again = await bench.next('partial');
    expect(again.changed).toEqual(['default/bad']);
    again.done();
    await clock.sleeps.take();
    expect(backend.kernel.get('default/bad')).toBe(80);
  });

  it('looks for what is refused where nobody is served, if there is such a place', async () => {
    const place = new MemoryBackend();
    const { clock, backend } = await started({ place });
    bench.set('bad', 1);
    (await bench.next('partial')).refuse();
    (await clock.sleeps.take()).wake();
    (await bench.next('full')).refuse();
    (await clock.sleeps.take()).wake();
    (await bench.next('full')).refuse(); // still
    (await place.calls.take()).done(); // nothing
    (await place.calls.take()).refuse(); // no more than what changed
    const last = await bench.next('full');
    expect([...backend.kernel.keys()]).toEqual(['default/web']);
    last.done();
    await clock.sleeps.take();
    expect([bench.leftOut, place.kernel.size, backend.calls.size]).toEqual([['default/bad'], 0, 0]);
  });

  it('never asks the kernel about what is malformed', async () => {
    const { backend, clock } = await started();
    bench.set('bad', 0);
    bench.set('good', 2);
    const call = await bench.next('partial');
    expect(call.changed).toEqual(['default/good']);
    call.done();
    await clock.sleeps.take();
    expect([...backend.kernel.keys()]).toEqual(['default/web', 'default/good']);
    expect(bench.leftOut).toEqual(['default/bad']);
  });

  it('keeps a new Service until its first slice comes, and applies both at once', async () => {
    const { backend, clock } = await started();
    bench.add('shop', 8080);
    expect((await clock.sleeps.take()).ms).toBe(100);
    bench.addSlice('shop');
    const call = await bench.next('partial');
    expect(call.changed).toEqual(['default/shop']);
    call.done();
    expect((await clock.sleeps.take()).ms).toBe(PERIOD);
    expect(backend.calls.size).toBe(0);
  });

  it('keeps a new Service without slices no longer than that, and nothing else', async () => {
    const { clock } = await started();
    bench.add('shop', 8080);
    await clock.sleeps.take();
    bench.set('web', 81);
    const other = await bench.next('partial');
    expect(other.changed).toEqual(['default/web']);
    other.done();
    (await clock.sleeps.take()).wake();
    const call = await bench.next('partial');
    expect(call.changed).toEqual(['default/shop']);
    call.done();
    expect((await clock.sleeps.take()).ms).toBe(PERIOD - 100);
  });
});
