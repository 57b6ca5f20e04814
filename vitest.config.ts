import { defineConfig } from 'vitest/config';

// One pool of processes: tests start real servers, kernels' namespaces and child processes, and must not share a heap.
export default defineConfig({
  test: {
    include: ['{api,host,client,apiserver,controllers,proxy,node,dns,lab,test}/**/*.test.ts'],
    exclude: ['test/golden/**', 'node_modules/**'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
