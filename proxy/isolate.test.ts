// Finding what the kernel refuses: a backend that refuses some service ports, whatever stands beside them.
import { describe, expect, it } from 'vitest';
import type { Backend } from './backend.ts';
import { isolate, without } from './isolate.ts';
import type { Plan, ServicePort } from './plan.ts';

class Picky implements Pick<Backend, 'sync'> {
  readonly #refuses: ReadonlySet<string>;
  held: string[] = [];
  syncs = 0;

  constructor(refuses: readonly string[]) {
    this.#refuses = new Set(refuses);
  }

  sync({ services }: Plan): Promise<void> {
    this.syncs += 1;
    const bad = [...services.keys()].filter((id) => this.#refuses.has(id));
    if (bad.length > 0) return Promise.reject(new Error(`no ${bad.join(' ')}`));
    this.held = [...services.keys()];
    return Promise.resolve();
  }
}

const names = Array.from({ length: 1000 }, (_, at) => `default/service-${at}`);
const plan = { services: new Map(names.map((id) => [id, { id } as ServicePort])) } as unknown as Plan;

describe('isolating what the kernel refuses', () => {
  it.each([
    ['nothing', []],
    ['one', [names[7]]],
    ['several', [names[0], names[500], names[999]]],
  ])('serves all but %s', async (_, bad) => {
    const backend = new Picky(bad);
    const refused = await isolate(backend, plan, new Set(names));
    expect([...refused.keys()].sort()).toEqual([...bad].sort());
    for (const [id, error] of refused) expect(error.message).toBe(`no ${id}`);
    expect(backend.held).toEqual(names.filter((name) => !bad.includes(name)));
    expect(backend.syncs).toBeLessThanOrEqual(3 + 25 * bad.length);
  });

  it('takes nobody out of service where it can be tried elsewhere', async () => {
    const [backend, trial] = [new Picky([names[7]]), new Picky([names[7]])];
    await backend.sync(without(plan, new Set([names[7]])));
    const served = new Set<number>();
    const sync = (next: Plan): Promise<void> => backend.sync(next).finally(() => served.add(backend.held.length));
    const refused = await isolate({ sync }, plan, new Set(names), { backend: trial });
    expect([...refused.keys()]).toEqual([names[7]]);
    expect([...served]).toEqual([names.length - 1]);
  });

  it('does not blame those who are fine elsewhere', async () => {
    const backend = new Picky([names[7]]);
    await expect(isolate(backend, plan, new Set(names), { backend: new Picky([]) })).rejects.toThrow(names[7]);
  });

  it('rejects when it is none of the suspects', async () => {
    const backend = new Picky([names[3]]);
    await expect(isolate(backend, plan, new Set([names[4]]))).rejects.toThrow(names[3]);
  });
});
