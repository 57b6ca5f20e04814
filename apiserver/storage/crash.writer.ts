// The victim of crash.test.ts: writes as fast as it can and tells on standard output, line by line, what has been
// acknowledged, until it is killed. Arguments: directory, and `honest` or a way to cheat that the test must notice.
import { writeSync } from 'node:fs';
import { LevelStore } from './level.ts';
import type { Op } from './store.ts';

export type Manner = 'honest' | 'acknowledges early' | 'tears commits';

export const WRITERS = 16;
/** The keys that one commit of a writer writes or deletes together, beside its step. */
export const PARTS = ['a', 'b', 'c'] as const;

/** Every seventh step deletes the parts. */
export const deletes = (step: number): boolean => step % 7 === 6;

/** What a writer's step writes: its number, and the same number in every part. Padded, so that batches span log blocks. */
export function opsOf(writer: number, step: number): Op[] {
  const value = (revision: number): Buffer => Buffer.from(`${step} ${revision} ${'.'.repeat((step * 37) % 2000)}`);
  const parts = PARTS.map((part) => ({ key: `${writer}/${part}`, ...(!deletes(step) && { value }) }));
  return [{ key: `${writer}/step`, value }, ...parts];
}

const tell = (line: string): void => void writeSync(1, `${line}\n`);

async function write(store: LevelStore, writer: number, manner: Manner): Promise<never> {
  let step = Number(store.get(`${writer}/step`)?.value.toString().split(' ')[0] ?? -1);
  for (;;) {
    step += 1;
    const ops = opsOf(writer, step);
    if (manner === 'acknowledges early') tell(`ack ${writer} ${step} 0`);
    const commits = manner === 'tears commits' ? ops.map((op) => store.commit([op])) : [store.commit(ops)];
    const revisions = await Promise.all(commits);
    tell(`ack ${writer} ${step} ${revisions[0]}`);
  }
}

async function main(directory: string, manner: Manner): Promise<void> {
  const store = await LevelStore.open(directory, { historyBytes: 50_000 });
  await store.watch('', store.revision, ({ revision }) => {
    tell(`seen ${revision}`);
    if (revision % 100 === 0) void store.compact(revision - 60);
  });
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(store, writer, manner)));
}

if (process.argv[2] === 'write') void main(process.argv[3], process.argv[4] as Manner);
