// What level.test.ts runs on a file system of a few megabytes, mounted for it: fills it, and prints as JSON what the
// store said. Argument: the directory, with a file `ballast` in it that can make way.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LevelStore } from './level.ts';

const nameOf = (error: unknown): string => (error as Error).name;

async function main(mount: string): Promise<void> {
  const directory = join(mount, 'data');
  const failures: string[] = [];
  let store = await LevelStore.open(directory, { onFailure: (error) => failures.push(nameOf(error)) });
  const value = Buffer.alloc(10_000, 'x');
  let acknowledged = 0;
  const refused: string[] = [];
  const write = async (writer: number): Promise<void> => {
    for (;;) {
      await store.commit([{ key: `${writer}`, value }]);
      acknowledged += 1;
    }
  };
  await Promise.all([0, 1, 2, 3].map((writer) => write(writer).catch((error) => refused.push(nameOf(error)))));
  const later = await store.commit([{ key: 'later', value: Buffer.from('') }]).catch(nameOf);
  const readable = store.get('0')?.value.length;
  await store.close();

  const stillFull = await LevelStore.open(directory).then((opened) => opened.close(), nameOf);
  rmSync(join(mount, 'ballast'));
  store = await LevelStore.open(directory);
  const kept = store.revision >= acknowledged;
  const goesOn = (await store.commit([{ key: '0' }])) > acknowledged;
  await store.close();

  spawnSync('mount', ['-o', 'remount,ro', mount]);
  const readOnly = await LevelStore.open(directory).then((opened) => opened.close(), nameOf);
  const said = { acknowledged, refused, failures, later, readable, stillFull, kept, goesOn, readOnly };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

if (process.argv[2] === 'fill') void main(process.argv[3]);
