import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Also on two cores two at a time: what takes longest waits for processes of its own. */
const WORKERS = Math.max(2, availableParallelism() - 1);

/** Their tests end what they start, and leave the process as they found it. */
const PURE = '{api,host,client,apiserver,controllers,proxy,dns}/**/*.test.ts';
const ROOMS = '{node,lab}/**/*.test.ts';

/** They measure how soon a lab reacts, or wait only as long as a lab may take: a machine busy with other tests would not tell. */
const TIMED = ['test/lab/{load,recovery,tutorial}.test.ts'];

// Tests start real servers, kernel namespaces and child processes, so each file has a process of its own, but for the rooms that
// never leave theirs: starting one takes longer than most of these files. Packets and whole labs come after the rooms, two at a
// time, for they wait more than they work; those that are timed come last and alone.
// None is tried again, but the one that holds the lab to a number of milliseconds (test/lab/load.test.ts).
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'pure', include: [PURE], isolate: false, maxWorkers: WORKERS, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'rooms',
          include: [ROOMS, 'test/*.test.ts', 'test/!(lab|golden|packets)/**/*.test.ts'],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'labs',
          include: ['test/packets/**/*.test.ts', 'test/lab/**/*.test.ts'],
          exclude: TIMED,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'timed', include: TIMED, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
