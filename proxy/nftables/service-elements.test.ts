import { describe, expect, it } from 'vitest';
import { NODE, servicePort } from '../plan.stand-ins.ts';
import type { Endpoint, Plan } from '../plan.ts';
import { type ServiceState, serviceState } from './service-elements.ts';

const here: Endpoint = { ip: '10.244.1.5', port: 8080, isLocal: true };
const there: Endpoint = { ip: '10.244.2.5', port: 8080, isLocal: false };

const PORT = servicePort('backend', {
  nodePort: 30_080,
  affinitySeconds: 60,
  clusterEndpoints: [here, there],
  localEndpoints: [here],
});
const PLAN: Plan = { family: 'IPv4', node: NODE, services: new Map() };

/** The endpoints that rules lead to from the chain of a frontend's verdict on. */
function reached({ elements, chains }: ServiceState, map: string, frontend: string): string[] {
  const [verdict] = elements.get(map)!.get(frontend)!.value!;
  const found = new Set<string>();
  const follow = (text: string): void => {
    for (const [, chain] of text.matchAll(/goto ([\w-]+)/g)) for (const rule of chains.get(chain)!) follow(rule);
    for (const [, endpoint] of text.matchAll(/dnat ip to (\S+)/g)) found.add(endpoint);
  };
  follow(String(verdict));
  return [...found].sort();
}

describe('a service port whose clients stay with their endpoint', () => {
  const all = ['10.244.1.5:8080', '10.244.2.5:8080'];
  const local = ['10.244.1.5:8080'];

  it.each([
    { internal: 'Cluster', external: 'Cluster', inside: all, outside: all },
    { internal: 'Local', external: 'Cluster', inside: local, outside: all },
    { internal: 'Cluster', external: 'Local', inside: all, outside: all }, // outside: the node itself may use all
    { internal: 'Local', external: 'Local', inside: local, outside: all },
  ] as const)(
    'leads to the endpoints of each policy: $internal, $external',
    ({ internal, external, inside, outside }) => {
      const port = { ...PORT, internalTrafficPolicy: internal, externalTrafficPolicy: external };
      const state = serviceState(port, PLAN, () => true);
      expect(reached(state, 'service-ips', '10.96.0.20 . tcp . 80')).toEqual(inside);
      expect(reached(state, 'service-nodeports', 'tcp . 30080')).toEqual(outside);
    },
  );

  it('names no chain in a rule before the chain is there', () => {
    const port = { ...PORT, internalTrafficPolicy: 'Local' } as const;
    const known = new Set<string>();
    for (const [chain, rules] of serviceState(port, PLAN, () => true).chains) {
      known.add(chain);
      const targets = rules.flatMap((rule) => [...rule.matchAll(/goto ([\w-]+)/g)].map(([, target]) => target));
      expect(targets.filter((target) => !known.has(target))).toEqual([]);
    }
  });
});
