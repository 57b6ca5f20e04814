// `vitrine lab reset`: forgets everything a lab keeps in its directory.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { directoryAt, dirFlag, findRunning } from './directory.ts';

export const reset: Program = program({
  name: 'lab reset',
  summary: 'deletes what a lab keeps: objects, keys, logs',
  flags: { dir: dirFlag },
  async run({ dir }) {
    const directory = directoryAt(dir);
    if (await findRunning(directory)) {
      throw new UsageError(
        `the lab in ${directory.path} runs; stop it first: vitrine lab down --dir ${directory.path}`,
        1,
      );
    }
    if (!existsSync(directory.lock)) throw new UsageError(`there is no lab in ${directory.path}`, 1);
    // Only what a lab makes: the directory may hold other things, when somebody named their home.
    const { path, ...parts } = directory;
    for (const part of [...Object.values<string>(parts), join(path, 'lab.json')]) {
      await rm(part, { recursive: true, force: true });
    }
    return 0;
  },
}) as Program;
