// kill -9 in the middle of concurrent writes: nothing acknowledged is lost, nothing is torn, revisions never go back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deletes, type Manner, PARTS, WRITERS } from './crash.writer.ts';
import { LevelStore } from './level.ts';
import type { Store } from './store.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
let temporary: string;
let program: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'crash-'));
  program = join(temporary, 'writer.cjs');
  const entryPoints = [new URL('crash.writer.ts', import.meta.url).pathname];
  await build({ entryPoints, outfile: program, bundle: true, platform: 'node', external: ['classic-level'] });
});
afterAll(() => rm(temporary, { recursive: true }));

/** What the victim said before it died. */
interface Testimony {
  /** Per writer, the newest acknowledged step and its revision. */
  readonly acknowledged: Map<number, { step: number; revision: number }>;
  /** The newest revision a watch has seen or a commit returned. */
  revision: number;
}

/** Runs the victim on `directory` and kills it `delayMs` after its first acknowledgement. */
async function killed(directory: string, manner: Manner, delayMs: number): Promise<Testimony> {
  const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules') };
  const victim = spawn(process.execPath, [program, 'write', directory, manner], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(victim, 'exit');
  const testimony: Testimony = { acknowledged: new Map(), revision: 0 };
  let killing: Promise<void> | undefined;
  for await (const line of createInterface({ input: victim.stdout })) {
    const [what, ...numbers] = line.split(' ');
    const [writer, step, revision] = what === 'ack' ? numbers.map(Number) : [0, 0, Number(numbers[0])];
    if (what === 'ack') {
      testimony.acknowledged.set(writer, { step, revision });
      killing ??= setTimeout(delayMs).then(() => void victim.kill('SIGKILL'));
    }
    testimony.revision = Math.max(testimony.revision, revision);
  }
  await killing;
  expect(await exit).toEqual([null, 'SIGKILL']);
  return testimony;
}

/** Throws when `store` contradicts the testimony. `before` is the revision it stood at when the victim began. */
async function examine(store: Store, { acknowledged, revision }: Testimony, before: number): Promise<void> {
  expect(store.revision).toBeGreaterThanOrEqual(Math.max(revision, before));
  for (let writer = 0; writer < WRITERS; writer += 1) {
    const entry = store.get(`${writer}/step`);
    const [step, written] = (entry?.value.toString() ?? '-1 0').split(' ').map(Number);
    // A writer waits for each acknowledgement: the store stands at its last step, or at the one that was under way.
    const last = acknowledged.get(writer) ?? { step, revision: written };
    expect([last.step, last.step + 1]).toContain(step);
    if (last.step === step && last.revision > 0) expect(written).toBe(last.revision);
    expect(written).toBe(entry?.modRevision ?? 0);
    const parts = PARTS.map((part) => store.get(`${writer}/${part}`));
    const expected = step < 0 || deletes(step) ? undefined : entry;
    for (const part of parts) {
      expect(part?.modRevision).toBe(expected?.modRevision);
      expect(part?.value.toString()).toBe(expected?.value.toString());
    }
  }
  const revisions: number[] = [];
  await store.watch('', store.compactedRevision, (change) => revisions.push(change.revision));
  const history = [...new Set(revisions)];
  expect(history).toEqual(Array.from({ length: history.length }, (_, i) => store.compactedRevision + 1 + i));
  expect(store.compactedRevision + history.length).toBe(store.revision);
}

/** Kills a victim once; returns the revision the store then stands at. */
async function round(directory: string, manner: Manner, delayMs: number, before: number): Promise<number> {
  const testimony = await killed(directory, manner, delayMs);
  const store = await LevelStore.open(directory);
  try {
    await examine(store, testimony, before);
    return store.revision;
  } finally {
    await store.close();
  }
}

it('etcd#13766, #14370: data and revision agree, and nothing acknowledged is lost, after 100 kills', {
  timeout: 240_000,
}, async () => {
  const directory = join(temporary, 'honest');
  let revision = 0;
  for (let i = 0; i < 100; i += 1) revision = await round(directory, 'honest', (i * 7) % 30, revision);
  expect(revision).toBeGreaterThan(1000);
});

it.each<Manner>(['acknowledges early', 'tears commits'])('would notice a store that %s', async (manner) => {
  const rounds = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) await round(join(temporary, manner), manner, i, 0);
  };
  await expect(rounds()).rejects.toThrow(/expected/);
});
