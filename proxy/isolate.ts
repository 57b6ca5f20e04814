// When the kernel refuses a plan: finds the service ports that it refuses, and serves the rest without them.
import type { Backend } from './backend.ts';
import type { Plan } from './plan.ts';

/** The plan without some service ports. */
export function without(plan: Plan, ids: { has(id: string): boolean; readonly size: number }): Plan {
  if (ids.size === 0) return plan;
  return { ...plan, services: new Map([...plan.services].filter(([id]) => !ids.has(id))) };
}

/**
 * Makes the kernel hold the plan without those `suspects` that it refuses; returns these, each with what was said of it. Rejects
 * when the plan is refused without any suspect too: then the trouble is not theirs. Halves the suspects until one is left: one bad
 * port among ten thousand is found in some thirty full syncs.
 */
export async function isolate(
  backend: Backend,
  plan: Plan,
  suspects: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Error>> {
  const left = new Set(suspects);
  const refused = new Map<string, Error>();
  const attempt = (): Promise<Error | undefined> =>
    backend.sync(without(plan, left)).then(
      () => undefined,
      (error: Error) => error,
    );
  /** All of `ids` together were refused. */
  const divide = async (ids: readonly string[], error: Error): Promise<void> => {
    if (ids.length === 1) {
      refused.set(ids[0], error);
      return;
    }
    const middle = Math.ceil(ids.length / 2);
    for (const half of [ids.slice(0, middle), ids.slice(middle)]) {
      for (const id of half) left.delete(id);
      const trouble = await attempt();
      if (!trouble) continue;
      for (const id of half) left.add(id);
      await divide(half, trouble);
    }
  };
  // The trouble may be over: nobody is taken out of service before that is known.
  left.clear();
  const trouble = await attempt();
  if (!trouble) return refused;
  if (suspects.size === 0) throw trouble;
  for (const id of suspects) left.add(id);
  await backend.sync(without(plan, left));
  await divide([...suspects], trouble);
  await backend.sync(without(plan, refused));
  return refused;
}
