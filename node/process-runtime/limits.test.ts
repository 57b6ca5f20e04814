import { expect, it } from 'vitest';
import { hierarchiesOf } from './cgroups.ts';
import { overLimit, residentBytes } from './memory.ts';

const V1 = `25 20 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
30 25 0:26 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;
const V2 = '30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const CONTAINER = '30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory';

it.each([
  [
    'v1',
    '4:memory:/a/b\n3:cpu,cpuacct:/\n0::/user',
    V1,
    {
      memory: { version: 1, path: '/sys/fs/cgroup/memory/a/b' },
      cpu: { version: 1, path: '/sys/fs/cgroup/cpu,cpuacct' },
    },
  ],
  [
    'v2',
    '0::/user.slice/x',
    V2,
    {
      memory: { version: 2, path: '/sys/fs/cgroup/user.slice/x' },
      cpu: { version: 2, path: '/sys/fs/cgroup/user.slice/x' },
    },
  ],
  ['v1 inside Docker', '4:memory:/docker/abc', CONTAINER, { memory: { version: 1, path: '/sys/fs/cgroup/memory' } }],
  ['none', '', '', {}],
])('cgroups of %s', (_what, cgroup, mounts, expected) => {
  expect(Object.fromEntries(hierarchiesOf(cgroup, mounts))).toEqual(expected);
});

it('counts what a process holds of its own, not the files it has mapped', () => {
  expect(residentBytes('VmRSS:\t9000 kB\nRssAnon:\t 5000 kB\nRssFile:\t3000 kB\nRssShmem:\t1000 kB\n')).toBe(6_144_000);
  expect(residentBytes('Name:\tkthreadd\n')).toBe(0);
});

it('tells who has more than it may', () => {
  const own = { id: 'own', pid: process.pid };
  expect(overLimit([{ ...own, limit: 1 << 20 }])).toEqual(['own']);
  expect(
    overLimit([
      { ...own, limit: 2 ** 50 },
      { id: 'gone', pid: 2 ** 22 + 1, limit: 1 },
    ]),
  ).toEqual([]);
});
