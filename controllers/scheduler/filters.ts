// What a node must be for a pod, in upstream's order and words: the first filter that says no is what the user reads
// (upstream pkg/scheduler/framework/plugins).
import type { Pod, Taint, Toleration } from '../../api/types/core.v1.ts';
import { avoidsNeighbours, hasWantedNeighbours, isWelcome, matchesNode } from './affinity.ts';
import type { NodeView } from './node-view.ts';
import { requestsOf } from './requests.ts';
import { spreads } from './spread.ts';

/** Why a node can't have the pod; `evictable`: it could, if other pods went. */
export interface Refusal {
  readonly reasons: readonly string[];
  readonly evictable: boolean;
}

type Filter = (pod: Pod, view: NodeView, all: readonly NodeView[]) => Refusal | undefined;

const no = (reason: string, { evictable } = { evictable: false }): Refusal => ({ reasons: [reason], evictable });

const FILTERS: readonly Filter[] = [
  (pod, { node }) =>
    node.spec?.unschedulable && !tolerates(pod, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' })
      ? no('node(s) were unschedulable')
      : undefined,
  (pod, { node }) =>
    (node.spec?.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule' && !tolerates(pod, taint))
      ? no('node(s) had untolerated taint(s)')
      : undefined,
  (pod, { node }) => (matchesNode(pod, node) ? undefined : no("node(s) didn't match Pod's node affinity/selector")),
  (pod, view) =>
    hostPortsOf(pod).some((port) => view.pods.some((other) => hostPortsOf(other).includes(port)))
      ? no("node(s) didn't have free ports for the requested pod ports", { evictable: true })
      : undefined,
  fits,
  (pod, view, all) =>
    spreads(pod, view, all)
      ? undefined
      : no("node(s) didn't match pod topology spread constraints", { evictable: true }),
  (pod, view, all) => (hasWantedNeighbours(pod, view, all) ? undefined : no("node(s) didn't match pod affinity rules")),
  (pod, view, all) =>
    avoidsNeighbours(pod, view, all)
      ? undefined
      : no("node(s) didn't match pod anti-affinity rules", { evictable: true }),
  (pod, view, all) =>
    isWelcome(pod, view, all)
      ? undefined
      : no("node(s) didn't satisfy existing pods anti-affinity rules", { evictable: true }),
];

export function refusalOf(pod: Pod, view: NodeView, all: readonly NodeView[]): Refusal | undefined {
  for (const filter of FILTERS) {
    const refusal = filter(pod, view, all);
    if (refusal) return refusal;
  }
  return undefined;
}

function fits(pod: Pod, { allocatable, requested, pods }: NodeView): Refusal | undefined {
  const reasons: string[] = [];
  let evictable = true;
  if (pods.length + 1 > (allocatable.get('pods') ?? Number.POSITIVE_INFINITY)) reasons.push('Too many pods');
  for (const [name, amount] of requestsOf(pod)) {
    const has = allocatable.get(name) ?? 0;
    if (amount === 0 || amount <= has - (requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (amount > has) evictable = false;
  }
  return reasons.length > 0 ? { reasons, evictable } : undefined;
}

export function tolerates(pod: Pod, taint: Pick<Taint, 'key' | 'effect' | 'value'>): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => isTolerated(toleration, taint));
}

/** k8s.io/api core/v1 toleration.go: no key and Exists tolerates everything, no effect all effects. */
export function isTolerated(
  { key = '', operator = 'Equal', effect, value = '' }: Partial<Toleration>,
  taint: Pick<Taint, 'key' | 'effect' | 'value'>,
): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (key !== '' && value === (taint.value ?? ''));
}

function hostPortsOf({ spec }: Pod): string[] {
  return (spec?.containers ?? [])
    .flatMap(({ ports = [] }) => ports)
    .filter(({ hostPort }) => hostPort)
    .map(({ hostPort, protocol = 'TCP' }) => `${protocol}/${hostPort}`);
}
