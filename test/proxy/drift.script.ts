// A backend in a kernel of its own, and someone else who changes rules: answers whether the backend noticed.

import type { Plan, ServicePort } from '../../proxy/plan.ts';
import { makeBackend, type ProxyMode } from '../../proxy/proxy.ts';
import { answer, shell } from '../network.ts';

/** What was done → what the backend says of it; `undefined` when it cannot tell is `null` here. */
export type Noticed = Readonly<Record<string, boolean | null>>;

const NODE: Plan['node'] = {
  nodeName: 'node-1',
  zone: '',
  nodeIPs: ['192.168.1.10'],
  detectLocal: { mode: 'ClusterCIDR', cidr: '10.244.0.0/16' },
  nodePortIPs: ['192.168.1.10'],
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: false,
};

/** `n` makes its name and addresses. */
function servicePort(n: number, more: Partial<ServicePort> = {}): ServicePort {
  const endpoint = (last: number, isLocal: boolean) => ({ ip: `10.244.${n}.${last}`, port: 8080, isLocal });
  return {
    id: `default/service-${n}:http`,
    namespace: 'default',
    name: `service-${n}`,
    portName: 'http',
    protocol: 'TCP',
    clusterIP: `10.96.0.${n}`,
    port: 80,
    nodePort: 30_000 + n,
    externalIPs: [`198.51.100.${n}`],
    loadBalancerIPs: [`52.1.2.${n}`],
    loadBalancerSourceRanges: [],
    affinitySeconds: 0,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    clusterEndpoints: [endpoint(1, true), endpoint(2, false)],
    localEndpoints: [],
    hasEndpoints: true,
    ...more,
  };
}

const local = (n: number): Partial<ServicePort> => ({
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: 31_000 + n,
  localEndpoints: [{ ip: `10.244.${n}.1`, port: 8080, isLocal: true }],
});
const NONE = { clusterEndpoints: [], hasEndpoints: false };
const FENCE = { loadBalancerSourceRanges: ['203.0.113.0/24'] };

const FIRST = [
  servicePort(1),
  servicePort(2, { affinitySeconds: 60 }),
  servicePort(3, local(3)),
  servicePort(4, NONE),
  servicePort(5, FENCE),
  servicePort(6, { affinitySeconds: 60, ...local(6) }),
  servicePort(7, { protocol: 'UDP' }),
];
/** Each becomes what another was, one goes, one comes. */
const THEN = [
  servicePort(1, NONE),
  servicePort(2),
  servicePort(3),
  servicePort(4, { affinitySeconds: 60 }),
  servicePort(5, local(5)),
  servicePort(6, FENCE),
  servicePort(8),
];

const planOf = (ports: readonly ServicePort[]): Plan => ({
  family: 'IPv4',
  node: NODE,
  services: new Map(ports.map((port) => [port.id, port])),
});

const NFT = 'ip vitrine-proxy';
/** What others do, that a sync must mend. */
const DAMAGE: Readonly<Record<ProxyMode, Readonly<Record<string, string>>>> = {
  nftables: {
    'an element less': `nft delete element ${NFT} service-ips { 10.96.0.3 . tcp . 80 }`,
    'an element more': `nft add element ${NFT} cluster-ips { 10.96.0.99 }`,
    'an element that leads elsewhere': `nft "delete element ${NFT} endpoints-2 { 10.96.0.3 . tcp . 80 . 0 }; add element ${NFT} endpoints-2 { 10.96.0.3 . tcp . 80 . 0 : 10.244.3.9 . 8080 }"`,
    'a rule less': `nft flush chain ${NFT} mark-masquerade`,
    'a rule more': `nft add rule ${NFT} services accept`,
    'a chain more with a rule': `nft "add chain ${NFT} mine; add rule ${NFT} mine accept"`,
    'no table': `nft delete table ${NFT}`,
  },
  iptables: {
    'a rule less': 'iptables -t nat -F KUBE-MARK-MASQ',
    'a rule more': 'iptables -t nat -A KUBE-SERVICES -j RETURN',
    'a rule of a service less': 'iptables -t nat -D KUBE-NODEPORTS 1',
    'two rules that changed places':
      'chain=$(iptables -t nat -S | grep -m1 -o "^-N KUBE-SEP-.*" | cut -c4-); first=$(iptables -t nat -S $chain | sed -n 2p); iptables -t nat -D $chain 1; eval "iptables -t nat $first"',
    'a jump less': 'iptables -t nat -D OUTPUT 1',
    'a stale chain': 'iptables -t nat -N KUBE-SEP-AAAAAAAAAAAAAAAA',
    'no canary': 'iptables -t mangle -X KUBE-PROXY-CANARY',
    'no rules at all': 'for table in nat filter mangle; do iptables -t $table -F; iptables -t $table -X; done',
  },
};
/** What others do that is theirs. */
const OTHERS: Readonly<Record<ProxyMode, string>> = {
  nftables: 'nft "add table ip shop; add chain ip shop door; add rule ip shop door accept"',
  iptables: 'iptables -t nat -N SHOP; iptables -t nat -A SHOP -j RETURN; iptables -A INPUT -p udp --dport 9 -j DROP',
};

await answer(async ({ mode }: { mode: ProxyMode }): Promise<Noticed> => {
  const backend = makeBackend(mode, 'IPv4');
  const noticed: Record<string, boolean | null> = {};
  const { signal } = new AbortController();
  const look = async (about: string): Promise<void> => {
    noticed[about] = (await backend.isIntact(signal)) ?? null;
  };
  await look('nothing synced yet');
  await backend.sync(planOf(FIRST));
  await look('everything synced');
  await backend.sync(planOf(THEN), new Set([...FIRST, ...THEN].map(({ id }) => id)));
  await look('everything changed');
  const looking = look('changed meanwhile');
  await backend.sync(planOf(FIRST), new Set([...FIRST, ...THEN].map(({ id }) => id)));
  await looking;
  await look('changed back');
  await shell(OTHERS[mode]);
  await look('rules of others');
  for (const [about, script] of Object.entries(DAMAGE[mode])) {
    await shell(script);
    await look(about);
    await backend.sync(planOf(FIRST));
    await look(`${about}, repaired`);
  }
  await backend.cleanup();
  return noticed;
});
