import { expect, it } from 'vitest';
import type { Node, Taint } from '../api/types/core.v1.ts';
import { wantedTaints } from './node-taints.ts';

const NOW = '2026-01-01T00:00:00Z';
const PREFIX = 'node.kubernetes.io/';
const node = (conditions: Record<string, string>, taints: Taint[] = [], unschedulable = false): Node =>
  ({
    metadata: { name: 'node-1' },
    spec: { taints, unschedulable },
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  }) as unknown as Node;
const shown = (taints: Taint[]): string[] => taints.map(({ key, effect }) => `${key.replace(PREFIX, '')}:${effect}`);

it.each<[state: string, conditions: Record<string, string>, wanted: string[]]>([
  ['ready', { Ready: 'True' }, []],
  ['not ready', { Ready: 'False' }, ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['silent', { Ready: 'Unknown' }, ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ['short of memory', { Ready: 'True', MemoryPressure: 'True' }, ['memory-pressure:NoSchedule']],
  ['short of disk', { Ready: 'True', DiskPressure: 'True' }, ['disk-pressure:NoSchedule']],
  ['short of processes', { Ready: 'True', PIDPressure: 'True' }, ['pid-pressure:NoSchedule']],
  ['without network', { Ready: 'True', NetworkUnavailable: 'True' }, ['network-unavailable:NoSchedule']],
  ['of unknown pressure', { Ready: 'True', MemoryPressure: 'Unknown' }, []],
])('a node that is %s', (_state, conditions, wanted) => {
  expect(shown(wantedTaints(node(conditions), NOW))).toEqual(wanted);
});

it('a cordoned node takes nothing new', () => {
  expect(shown(wantedTaints(node({ Ready: 'True' }, [], true), NOW))).toEqual(['unschedulable:NoSchedule']);
});

it('what is there already keeps the time it began, and what users put there stays', () => {
  const mine: Taint = { key: 'gpu', effect: 'NoSchedule', value: 'only' };
  const since: Taint = { key: `${PREFIX}not-ready`, effect: 'NoExecute', timeAdded: '2025-01-01T00:00:00Z' };
  expect(wantedTaints(node({ Ready: 'False' }, [since, mine]), NOW)).toEqual([
    mine,
    { key: `${PREFIX}not-ready`, effect: 'NoSchedule', timeAdded: NOW },
    since,
  ]);
  expect(wantedTaints(node({ Ready: 'True' }, [since, mine]), NOW)).toEqual([mine]);
});

it("a node that registers keeps admission's taint until it has said what it is", () => {
  const admitted: Taint = { key: `${PREFIX}not-ready`, effect: 'NoSchedule' };
  expect(wantedTaints(node({}, [admitted]), NOW)).toEqual([admitted]);
  expect(wantedTaints(node({}), NOW)).toEqual([]);
});
