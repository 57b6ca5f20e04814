// What is there whatever the services: the chains, their fixed rules, and the jumps from the kernel's own chains.
import { type Match, type Rule, ruleText, type Table } from '../../host/iptables.ts';
import { hostCIDR } from '../addresses.ts';
import type { Plan } from '../plan.ts';
import { MARK_MASQUERADE, type RenderOptions, type SharedChain } from './service-rules.ts';

export const CANARY = 'KUBE-PROXY-CANARY';

/** A jump from one of the kernel's own chains, in the order in which the jumps stand there. */
export interface Jump {
  readonly table: Table;
  readonly from: string;
  readonly rule: string;
}

const jump = (table: Table, from: string, to: string, comment?: string, onlyNew?: 'NEW'): Jump => {
  const matches: Match[] = [...(onlyNew ? [{ ctstate: [onlyNew] }] : []), ...(comment ? [{ comment }] : [])];
  return { table, from, rule: ruleText({ matches, target: { jump: to } }) };
};

const BALANCER = 'kubernetes load balancer firewall';
const PORTALS = 'kubernetes service portals';
const OUTSIDE = 'kubernetes externally-visible service portals';

// biome-ignore format: one jump per row reads as a table
export const JUMPS: readonly Jump[] = [
  jump('filter', 'INPUT', 'KUBE-FIREWALL'),
  jump('filter', 'INPUT', 'KUBE-PROXY-FIREWALL', BALANCER, 'NEW'),
  jump('filter', 'INPUT', 'KUBE-NODEPORTS', 'kubernetes health check service ports'),
  jump('filter', 'INPUT', 'KUBE-EXTERNAL-SERVICES', OUTSIDE, 'NEW'),
  jump('filter', 'FORWARD', 'KUBE-PROXY-FIREWALL', BALANCER, 'NEW'),
  jump('filter', 'FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules'),
  jump('filter', 'FORWARD', 'KUBE-SERVICES', PORTALS, 'NEW'),
  jump('filter', 'FORWARD', 'KUBE-EXTERNAL-SERVICES', OUTSIDE, 'NEW'),
  jump('filter', 'OUTPUT', 'KUBE-FIREWALL'),
  jump('filter', 'OUTPUT', 'KUBE-PROXY-FIREWALL', BALANCER, 'NEW'),
  jump('filter', 'OUTPUT', 'KUBE-SERVICES', PORTALS, 'NEW'),
  jump('nat', 'PREROUTING', 'KUBE-SERVICES', PORTALS),
  jump('nat', 'OUTPUT', 'KUBE-SERVICES', PORTALS),
  jump('nat', 'POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules'),
];

/** Chains whose rules never depend on services: table → chain → rules. */
export function fixedChains(plan: Plan, options: RenderOptions): Map<Table, Map<string, readonly string[]>> {
  const mark = 2 ** plan.node.masqueradeBit;
  const texts = (...rules: Rule[]): string[] => rules.map(ruleText);
  const forward: Rule[] = [
    {
      matches: [{ ctstate: ['INVALID'] }, ...(options.nfacct ? [{ nfacct: 'ct_state_invalid_dropped_pkts' }] : [])],
      target: { jump: 'DROP' },
    },
    { matches: [{ comment: 'kubernetes forwarding rules' }, { mark }], target: { jump: 'ACCEPT' } },
    {
      matches: [{ comment: 'kubernetes forwarding conntrack rule' }, { ctstate: ['RELATED', 'ESTABLISHED'] }],
      target: { jump: 'ACCEPT' },
    },
  ];
  const postrouting: Rule[] = [
    { matches: [{ mark, not: true }], target: { jump: 'RETURN' } },
    // The mark is taken off again: it could match rules of others, and a packet may pass here twice.
    { target: { setMark: mark, mask: 0 } },
    {
      matches: [{ comment: 'kubernetes service traffic requiring SNAT' }],
      target: { masquerade: 'random-fully' },
    },
  ];
  return new Map<Table, Map<string, readonly string[]>>([
    ['mangle', new Map([[CANARY, []]])],
    [
      'filter',
      new Map([
        [CANARY, []],
        ['KUBE-FIREWALL', texts(...localnet(plan))],
        ['KUBE-FORWARD', texts(...forward)],
      ]),
    ],
    [
      'nat',
      new Map([
        [CANARY, []],
        [MARK_MASQUERADE, texts({ target: { setMark: mark, mask: mark } })],
        ['KUBE-POSTROUTING', texts(...postrouting)],
      ]),
    ],
  ]);
}

/** Node ports on 127.0.0.1 need route_localnet, which would let neighbours reach loopback services (CVE-2020-8558). */
function localnet({ family, node }: Plan): Rule[] {
  if (family !== 'IPv4' || !node.localhostNodePorts) return [];
  return [
    {
      source: '!127.0.0.0/8',
      destination: '127.0.0.0/8',
      matches: [
        { comment: 'block incoming localnet connections' },
        { ctstate: ['RELATED', 'ESTABLISHED', 'DNAT'], not: true },
      ],
      target: { jump: 'DROP' },
    },
  ];
}

export const SHARED_CHAINS: readonly SharedChain[] = [
  'nat KUBE-SERVICES',
  'nat KUBE-NODEPORTS',
  'filter KUBE-SERVICES',
  'filter KUBE-EXTERNAL-SERVICES',
  'filter KUBE-NODEPORTS',
  'filter KUBE-PROXY-FIREWALL',
];

/** What stands behind the services' rules in a shared chain: only the node ports' jumps, which must come last. */
export function lastRules(chain: SharedChain, { family, node }: Plan): string[] {
  if (chain !== 'nat KUBE-SERVICES') return [];
  const comment = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain';
  const target = { jump: 'KUBE-NODEPORTS' };
  if (node.nodePortIPs !== 'all') {
    return node.nodePortIPs.map((ip) => ruleText({ destination: hostCIDR(ip), matches: [{ comment }], target }));
  }
  const rule: Rule = { matches: [{ comment }, { addrtype: 'dst' }], target };
  if (family === 'IPv6') return [ruleText({ destination: '!::1/128', ...rule })];
  return [ruleText(node.localhostNodePorts ? rule : { destination: '!127.0.0.0/8', ...rule })];
}
