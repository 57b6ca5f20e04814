import { expect, it } from 'vitest';
import type { Security } from '../runtime.ts';
import { keptCapabilities } from './capabilities.ts';

const plain: Security = {
  readOnlyRoot: false,
  noNewPrivileges: false,
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
};
const USUAL = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];

it.each<[string, Partial<Security> | undefined, number[]]>([
  ['nothing', undefined, USUAL],
  ['an empty wish', {}, USUAL],
  [
    'less',
    { dropCapabilities: ['NET_RAW', 'CAP_MKNOD', 'NONE_SUCH'] },
    USUAL.filter((one) => one !== 13 && one !== 27),
  ],
  ['nothing but one', { dropCapabilities: ['ALL'], addCapabilities: ['NET_BIND_SERVICE'] }, [10]],
  ['more', { addCapabilities: ['SYS_TIME'] }, [...USUAL, 25].sort((a, b) => a - b)],
  ['all', { addCapabilities: ['ALL'] }, [...Array(41).keys()]],
  ['all by privilege', { privileged: true, dropCapabilities: ['ALL'] }, [...Array(41).keys()]],
])('a container that asks for %s', (_what, wish, numbers) => {
  expect(keptCapabilities(wish && { ...plain, ...wish })).toEqual(numbers);
});
