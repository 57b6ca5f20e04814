// When the kernel refuses a plan: finds the service ports that it refuses, and serves the rest without them.
import type { Backend } from './backend.ts';
import type { Plan } from './plan.ts';
import type { Trial } from './trial.ts';

type Ids = { has(id: string): boolean; readonly size: number };

/** The plan without some service ports. */
export function without(plan: Plan, ids: Ids): Plan {
  if (ids.size === 0) return plan;
  return { ...plan, services: new Map([...plan.services].filter(([id]) => !ids.has(id))) };
}

const only = (plan: Plan, ids: Ids): Plan => ({
  ...plan,
  services: new Map([...plan.services].filter(([id]) => ids.has(id))),
});

/** Resolves with why it was refused; undefined: it was not. */
const attempt = (backend: Pick<Backend, 'sync'>, plan: Plan): Promise<Error | undefined> =>
  backend.sync(plan).then(
    () => undefined,
    (error: Error) => error,
  );

/**
 * Makes the kernel hold the plan without those `suspects` that it refuses; returns these, each with what was said of it. They are looked
 * for in `trial`, so that nobody is out of service meanwhile; without one, among those who are served. Rejects, leaving the last good
 * state, when the trouble is none of theirs.
 */
export async function isolate(
  backend: Pick<Backend, 'sync'>,
  plan: Plan,
  suspects: ReadonlySet<string>,
  trial?: Pick<Trial, 'backend'>,
): Promise<ReadonlyMap<string, Error>> {
  const trouble = await attempt(backend, plan);
  if (!trouble) return new Map();
  const refused = trial
    ? await findRefused(trial.backend, only(plan, suspects), suspects)
    : await findRefused(backend, plan, suspects);
  if (refused.size === 0) throw trouble;
  await backend.sync(without(plan, refused));
  return refused;
}

/**
 * Halves the suspects until one is left: one bad port among ten thousand is found in some thirty full syncs. Rejects when the plan is
 * refused without any suspect too.
 */
async function findRefused(
  backend: Pick<Backend, 'sync'>,
  plan: Plan,
  suspects: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Error>> {
  const left = new Set(suspects);
  const refused = new Map<string, Error>();
  /** Those of `ids` that are refused beside all that were not: two may be fine but not together. */
  const search = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) left.delete(id);
    const trouble = await attempt(backend, without(plan, left));
    if (!trouble) return;
    for (const id of ids) left.add(id);
    if (ids.length === 1) {
      refused.set(ids[0], trouble);
      return;
    }
    const middle = Math.ceil(ids.length / 2);
    await search(ids.slice(0, middle));
    await search(ids.slice(middle));
  };
  await backend.sync(without(plan, left));
  await search([...suspects]);
  return refused;
}
