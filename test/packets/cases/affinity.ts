// Clients that stay with their endpoint.
import type { IPFamily } from '../../../proxy/plan.ts';
import { type Case, kept, masqueraded, rows } from '../table.ts';
import { ALL_PODS } from '../topology.ts';
import { BALANCERS, CLIENT_PODS, LOCAL, NODES, VIA_1, VIA_2 } from './words.ts';

const STAYS = { staysFor: 15 };
const STICKY = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } } } as const;

/** One family each: a stage of its own tells of IPv6. `number` and the next one are theirs. */
export function affinity(family: IPFamily, number: number): Case[] {
  return [
    {
      name: 'session affinity',
      number,
      families: [family],
      spec: STICKY,
      slices: [ALL_PODS],
      rows: [
        ...rows(CLIENT_PODS, ['cluster IP'], kept(...ALL_PODS), STAYS),
        ...rows(NODES, ['cluster IP'], masqueraded(...ALL_PODS), STAYS),
        ...rows(['internet'], [...VIA_1, ...VIA_2], masqueraded(...ALL_PODS), STAYS),
        ...rows(CLIENT_PODS, ['cluster IP'], kept(...ALL_PODS), { ...STAYS, protocol: 'UDP' }),
      ],
    },
    {
      name: 'session affinity, policy Local',
      number: number + 1,
      families: [family],
      spec: { ...STICKY, ...LOCAL },
      slices: [['pod-1', 'pod-2']],
      rows: [
        ...rows(['internet'], VIA_1, kept('pod-1', 'pod-2'), STAYS),
        ...rows(['internet'], VIA_2, 'lost'),
        ...rows(CLIENT_PODS, BALANCERS, kept('pod-1', 'pod-2'), STAYS),
      ],
    },
  ];
}
