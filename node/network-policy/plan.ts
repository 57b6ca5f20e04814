// NetworkPolicies as one node's rules, as plain data: which local pods are isolated in which direction, and what may pass
// (networking.k8s.io/v1 NetworkPolicySpec). Pure; names are made of contents, so that what is equal is shared and a change shows.
import { createHash } from 'node:crypto';
import { parseBlock } from '../../api/ip.ts';
import { type LabelMatcher, labelSelectorOf } from '../../api/selectors/labels.ts';
import type { Namespace, Pod } from '../../api/types/core.v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking.v1.ts';

export type IPFamily = 'IPv4' | 'IPv6';

export interface PolicyPlan {
  /** Set → its elements: addresses of pods, or `address . port` for named ports of pods. */
  readonly sets: ReadonlyMap<string, PolicySet>;
  /** Chain → its rules. What none of them returns is dropped. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Address of an isolated local pod → the chain that its incoming or outgoing connections must pass. */
  readonly ingress: ReadonlyMap<string, string>;
  readonly egress: ReadonlyMap<string, string>;
}

export interface PolicySet {
  readonly holds: 'addresses' | 'ports';
  readonly elements: ReadonlySet<string>;
}

export interface PolicyState {
  readonly nodeName: string;
  readonly policies: readonly NetworkPolicy[];
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
}

export const NO_POLICIES: PolicyPlan = { sets: new Map(), chains: new Map(), ingress: new Map(), egress: new Map() };

type Direction = 'Ingress' | 'Egress';

export function planPolicies(state: PolicyState, family: IPFamily): PolicyPlan {
  const maker = new PlanMaker(state, family);
  const ingress = new Map<string, string>();
  const egress = new Map<string, string>();
  for (const pod of maker.pods) {
    if (pod.nodeName !== state.nodeName) continue;
    for (const [direction, chains] of [
      ['Ingress', ingress],
      ['Egress', egress],
    ] as const) {
      const policies = state.policies.filter((policy) => isolates(policy, direction, pod));
      if (policies.length > 0) chains.set(pod.address, maker.chain(direction, policies, pod));
    }
  }
  return { sets: maker.sets, chains: maker.chains, ingress, egress };
}

interface Place {
  readonly address: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeName: string | undefined;
  readonly ports: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
}

/** Pods with an address of their own; those of a node's network are the node, to which no policy applies. */
function placesOf(pods: readonly Pod[], family: IPFamily): Place[] {
  return pods.flatMap(({ metadata, spec, status }) => {
    const address = status?.podIPs?.map(({ ip }) => ip ?? '').find((ip) => ip.includes(':') === (family === 'IPv6'));
    if (!address || spec?.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
    const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
    return {
      address,
      namespace: metadata.namespace!,
      labels: metadata.labels ?? {},
      nodeName: spec?.nodeName,
      ports: containers.flatMap(({ ports }) => ports ?? []),
    };
  });
}

/** A policy without types is one for Ingress, and one for Egress if it says anything about that. */
function isolates({ metadata, spec }: NetworkPolicy, direction: Direction, pod: Place): boolean {
  if (metadata.namespace !== pod.namespace || !spec) return false;
  const types = spec.policyTypes ?? (spec.egress ? ['Ingress', 'Egress'] : ['Ingress']);
  return types.includes(direction) && labelSelectorOf(spec.podSelector ?? {}).matches(pod.labels);
}

class PlanMaker {
  readonly pods: readonly Place[];
  readonly sets = new Map<string, PolicySet>();
  readonly chains = new Map<string, readonly string[]>();
  readonly #namespaces: readonly Namespace[];
  readonly #family: IPFamily;

  constructor({ pods, namespaces }: PolicyState, family: IPFamily) {
    this.pods = placesOf(pods, family);
    this.#namespaces = namespaces;
    this.#family = family;
  }

  chain(direction: Direction, policies: readonly NetworkPolicy[], pod: Place): string {
    const rules = new Set(policies.flatMap((policy) => this.#rulesOf(direction, policy, pod)));
    const all = [...rules].sort();
    const name = `${direction.toLowerCase()}-${digest(all)}`;
    this.chains.set(name, [...all, 'drop']);
    return name;
  }

  #rulesOf(direction: Direction, { metadata, spec }: NetworkPolicy, pod: Place): string[] {
    const rules =
      direction === 'Ingress'
        ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    return rules.flatMap(({ peers, ports }) => {
      // An absent or empty list means anybody, or any port.
      const whom = peers?.length ? peers : [undefined];
      const what = ports?.length ? ports : [undefined];
      return whom.flatMap((peer) =>
        what.flatMap((port) => this.#rule({ direction, namespace: metadata.namespace!, peer, port, pod })),
      );
    });
  }

  #rule({ direction, namespace, peer, port, pod }: Pass): string[] {
    if (direction === 'Egress' && typeof port?.port === 'string') return this.#namedPort(namespace, peer, port);
    const from = this.#peer(direction, namespace, peer);
    const through = portMatch(port, pod);
    return from === undefined || through === undefined ? [] : [[...from, ...through, 'return'].join(' ')];
  }

  /** Match words; none for everybody, undefined when nobody of this address family can be meant. */
  #peer(direction: Direction, namespace: string, peer: NetworkPolicyPeer | undefined): string[] | undefined {
    if (!peer) return [];
    const side = `${this.#ip} ${direction === 'Ingress' ? 'saddr' : 'daddr'}`;
    if (!peer.ipBlock) return [side, `@${this.#addresses(namespace, peer)}`];
    const { cidr, except = [] } = peer.ipBlock;
    if (parseBlock(cidr)?.family !== this.#family) return undefined;
    const without = except.length > 0 ? [side, `!= { ${except.join(', ')} }`] : [];
    return [side, cidr, ...without];
  }

  /** A port's name means what each of the pods that are reached calls so. */
  #namedPort(
    namespace: string,
    peer: NetworkPolicyPeer | undefined,
    { port, protocol = 'TCP' }: NetworkPolicyPort,
  ): string[] {
    if (peer?.ipBlock) return [];
    const pods = peer ? this.#podsOf(namespace, peer) : this.pods;
    const elements = pods.flatMap(({ address, ports }) =>
      ports
        .filter((one) => one.name === port && (one.protocol ?? 'TCP') === protocol)
        .map(({ containerPort }) => `${address} . ${containerPort}`),
    );
    const name = `ports-${digest([scope(namespace, peer), port, protocol])}`;
    this.sets.set(name, { holds: 'ports', elements: new Set(elements) });
    return [`meta l4proto ${protocol.toLowerCase()} ${this.#ip} daddr . th dport @${name} return`];
  }

  #addresses(namespace: string, peer: NetworkPolicyPeer): string {
    const name = `pods-${digest(scope(namespace, peer))}`;
    if (!this.sets.has(name)) {
      const elements = new Set(this.#podsOf(namespace, peer).map(({ address }) => address));
      this.sets.set(name, { holds: 'addresses', elements });
    }
    return name;
  }

  #podsOf(namespace: string, { namespaceSelector, podSelector }: NetworkPolicyPeer): readonly Place[] {
    const inNamespace = namespaceSelector
      ? this.#namespacesOf(labelSelectorOf(namespaceSelector))
      : new Set([namespace]);
    const matcher = labelSelectorOf(podSelector ?? {});
    return this.pods.filter((pod) => inNamespace.has(pod.namespace) && matcher.matches(pod.labels));
  }

  #namespacesOf(matcher: LabelMatcher): Set<string> {
    return new Set(
      this.#namespaces
        .filter(({ metadata }) => matcher.matches(metadata.labels ?? {}))
        .map(({ metadata }) => metadata.name),
    );
  }

  get #ip(): string {
    return this.#family === 'IPv4' ? 'ip' : 'ip6';
  }
}

interface Pass {
  readonly direction: Direction;
  readonly namespace: string;
  readonly peer: NetworkPolicyPeer | undefined;
  readonly port: NetworkPolicyPort | undefined;
  readonly pod: Place;
}

/** Match words; undefined when the pod has no port of that name. */
function portMatch(port: NetworkPolicyPort | undefined, pod: Place): string[] | undefined {
  if (!port) return [];
  const { protocol = 'TCP', endPort } = port;
  if (port.port === undefined) return [`meta l4proto ${protocol.toLowerCase()}`];
  const number =
    typeof port.port === 'number'
      ? port.port
      : pod.ports.find(({ name, protocol: its }) => name === port.port && (its ?? 'TCP') === protocol)?.containerPort;
  if (number === undefined) return undefined;
  return [`${protocol.toLowerCase()} dport ${endPort === undefined ? number : `${number}-${endPort}`}`];
}

/** The namespace matters only to a peer that names none. */
function scope(namespace: string, peer: NetworkPolicyPeer | undefined): unknown {
  if (!peer) return 'everybody';
  return [peer.namespaceSelector ?? namespace, peer.podSelector ?? {}];
}

const digest = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
