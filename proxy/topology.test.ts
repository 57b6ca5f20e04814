// Which endpoints a node may use: a row per situation.
import { describe, expect, it } from 'vitest';
import type { TrackedEndpoint } from './changes/endpoint-slices.ts';
import { usableEndpoints } from './topology.ts';

const PLACE = { nodeName: 'node-1', zone: 'a' };

/** `ready`, `serving` (only that, and on its way out), or `down`; then hints. */
function endpoint(
  ip: string,
  state: 'ready' | 'serving' | 'down',
  more: Partial<TrackedEndpoint> = {},
): TrackedEndpoint {
  return {
    ip,
    port: 80,
    nodeName: 'node-2',
    ready: state === 'ready',
    serving: state !== 'down',
    terminating: state === 'serving',
    zoneHints: [],
    nodeHints: [],
    ...more,
  };
}

const HERE = { nodeName: 'node-1' };
const CLUSTER = { cluster: true, local: false };
const LOCAL = { cluster: false, local: true };

interface Row {
  readonly endpoints: readonly TrackedEndpoint[];
  readonly uses: { cluster: boolean; local: boolean };
  readonly cluster: readonly string[];
  readonly local?: readonly string[];
  readonly hasEndpoints: boolean;
}

const ROWS: Readonly<Record<string, Row>> = {
  'ready ones only': {
    endpoints: [endpoint('1', 'ready'), endpoint('2', 'serving'), endpoint('3', 'down')],
    uses: CLUSTER,
    cluster: ['1'],
    hasEndpoints: true,
  },
  'those that still serve when none is ready': {
    endpoints: [endpoint('1', 'down'), endpoint('2', 'serving')],
    uses: CLUSTER,
    cluster: ['2'],
    hasEndpoints: true,
  },
  'serving but not terminating is no last resort': {
    endpoints: [endpoint('1', 'serving', { terminating: false })],
    uses: CLUSTER,
    cluster: [],
    hasEndpoints: false,
  },
  'policy Local keeps to the node': {
    endpoints: [endpoint('1', 'ready'), endpoint('2', 'ready', HERE)],
    uses: LOCAL,
    cluster: [],
    local: ['2'],
    hasEndpoints: true,
  },
  'policy Local, all elsewhere: dropped here, not refused': {
    endpoints: [endpoint('1', 'ready')],
    uses: LOCAL,
    cluster: [],
    local: [],
    hasEndpoints: true,
  },
  'policy Local falls back on its own terminating ones': {
    endpoints: [endpoint('1', 'ready'), endpoint('2', 'serving', HERE)],
    uses: { cluster: true, local: true },
    cluster: ['1'],
    local: ['2'],
    hasEndpoints: true,
  },
  'zone hints': {
    endpoints: [endpoint('1', 'ready', { zoneHints: ['a'] }), endpoint('2', 'ready', { zoneHints: ['b'] })],
    uses: CLUSTER,
    cluster: ['1'],
    hasEndpoints: true,
  },
  'one ready endpoint without a hint: everyone uses all': {
    endpoints: [endpoint('1', 'ready', { zoneHints: ['a'] }), endpoint('2', 'ready')],
    uses: CLUSTER,
    cluster: ['1', '2'],
    hasEndpoints: true,
  },
  'one endpoint without a hint that is not ready does not count': {
    endpoints: [endpoint('1', 'ready', { zoneHints: ['a'] }), endpoint('2', 'down')],
    uses: CLUSTER,
    cluster: ['1'],
    hasEndpoints: true,
  },
  'no hint for this zone: everyone uses all': {
    endpoints: [endpoint('1', 'ready', { zoneHints: ['b'] }), endpoint('2', 'ready', { zoneHints: ['c'] })],
    uses: CLUSTER,
    cluster: ['1', '2'],
    hasEndpoints: true,
  },
  'node hints before zone hints': {
    endpoints: [
      endpoint('1', 'ready', { zoneHints: ['a'], nodeHints: ['node-2'] }),
      endpoint('2', 'ready', { zoneHints: ['b'], nodeHints: ['node-1'] }),
    ],
    uses: CLUSTER,
    cluster: ['2'],
    hasEndpoints: true,
  },
};

describe('usable endpoints', () => {
  it.each(Object.entries(ROWS))('%s', (_, { endpoints, uses, cluster, local = [], hasEndpoints }) => {
    const usable = usableEndpoints(endpoints, uses, PLACE);
    expect(usable.clusterEndpoints.map(({ ip }) => ip)).toEqual(cluster);
    expect(usable.localEndpoints.map(({ ip }) => ip)).toEqual(local);
    expect(usable.hasEndpoints).toBe(hasEndpoints);
  });

  it('tells what runs here, and nothing where no node is named', () => {
    const two = [endpoint('1', 'ready', HERE), endpoint('2', 'ready', { nodeName: '' })];
    const { clusterEndpoints } = usableEndpoints(two, CLUSTER, { nodeName: '', zone: '' });
    expect(clusterEndpoints.map(({ isLocal }) => isLocal)).toEqual([false, false]);
    expect(usableEndpoints(two, CLUSTER, PLACE).clusterEndpoints.map(({ isLocal }) => isLocal)).toEqual([true, false]);
  });
});
