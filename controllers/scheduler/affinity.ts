// Affinity to nodes and to other pods (k8s.io/component-helpers scheduling/corev1/nodeaffinity, upstream
// pkg/scheduler/framework/plugins/interpodaffinity).
import { labelSelectorOf } from '../../api/selectors/labels.ts';
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodAffinityTerm } from '../../api/types/core.v1.ts';
import type { NodeView } from './node-view.ts';

/** `nodeSelector` and required node affinity, both. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  const { nodeSelector = {}, affinity } = pod.spec!;
  if (Object.entries(nodeSelector).some(([key, value]) => labels[key] !== value)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** The sum of the weights of the preferences that `node` fulfils. */
export function preferenceFor(pod: Pod, node: Node): number {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0);
}

/** A term without requirements matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, { metadata }: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((one) => fulfils(one, metadata.labels?.[one.key])) &&
    matchFields.every((one) => one.key === 'metadata.name' && fulfils(one, metadata.name))
  );
}

function fulfils({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** Whether `pod`, put on `view`, has beside it what it wants: in the same value of each term's topology key. */
export function hasWantedNeighbours(pod: Pod, view: NodeView, all: readonly NodeView[]): boolean {
  const terms = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.every((term) => {
    if (view.node.metadata.labels?.[term.topologyKey] === undefined) return false;
    if (neighbours(term, view, all).some((other) => selects(term, pod, other))) return true;
    // The first of a group that wants to be with itself may start anywhere.
    const nowhere = !all.some(({ pods }) => pods.some((other) => selects(term, pod, other)));
    return nowhere && selects(term, pod, pod);
  });
}

/** Whether `view` is free of what `pod` must not be beside. */
export function avoidsNeighbours(pod: Pod, view: NodeView, all: readonly NodeView[]): boolean {
  return antiTerms(pod).every((term) => !neighbours(term, view, all).some((other) => selects(term, pod, other)));
}

/** Whether nobody already there must not be beside `pod`. */
export function isWelcome(pod: Pod, view: NodeView, all: readonly NodeView[]): boolean {
  return all.every(({ node, pods }) =>
    pods.every((other) =>
      antiTerms(other).every((term) => !sameTopology(term.topologyKey, node, view.node) || !selects(term, other, pod)),
    ),
  );
}

function antiTerms(pod: Pod): readonly PodAffinityTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function neighbours({ topologyKey }: PodAffinityTerm, view: NodeView, all: readonly NodeView[]): Pod[] {
  return all.filter(({ node }) => sameTopology(topologyKey, node, view.node)).flatMap(({ pods }) => [...pods]);
}

function sameTopology(key: string, a: Node, b: Node): boolean {
  const value = a.metadata.labels?.[key];
  return value !== undefined && value === b.metadata.labels?.[key];
}

/** Whether `term` of `pod` means `other`. Namespace selectors are understood as far as the empty one: all namespaces. */
function selects(term: PodAffinityTerm, pod: Pod, other: Pod): boolean {
  const { namespaces = [], namespaceSelector, labelSelector } = term;
  const own = namespaces.length === 0 && !namespaceSelector ? [pod.metadata.namespace] : namespaces;
  const everywhere = namespaceSelector && Object.keys(namespaceSelector).length === 0;
  if (!everywhere && !own.includes(other.metadata.namespace)) return false;
  return labelSelectorOf(labelSelector).matches(other.metadata.labels);
}

export function hasPodAffinity({ spec }: Pod): boolean {
  return spec?.affinity?.podAffinity !== undefined || spec?.affinity?.podAntiAffinity !== undefined;
}
