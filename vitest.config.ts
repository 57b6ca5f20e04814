import { defineConfig } from 'vitest/config';

const ROOMS = '{api,host,client,apiserver,controllers,proxy,node,dns,lab}/**/*.test.ts';

// Tests start real servers, kernel namespaces and child processes, so each file has a process of its own. Packets and whole
// labs come last and one at a time: they measure how soon the lab reacts, which a machine busy with other tests would not tell.
// None is tried again, but the one that holds the lab to a number of milliseconds (test/lab/load.test.ts).
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'rooms',
          include: [ROOMS, 'test/*.test.ts', 'test/!(lab|golden|packets)/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/packets/**/*.test.ts', 'test/lab/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
