// A Deployment's ReplicaSets as revisions of its template: which one is new, what it is called, what is noted on it
// (upstream pkg/controller/deployment/util/deployment_util.go).
import type { OwnerReference } from '../api/object.ts';
import type { Deployment, ReplicaSet } from '../api/types/apps.v1.ts';
import type { PodTemplateSpec } from '../api/types/core.v1.ts';
import { isEqual } from './equality.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
const HASH = 'pod-template-hash';
/** Annotations of the Deployment that its ReplicaSets don't get. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
]);
/** As k8s.io/apimachinery rand.SafeEncodeString: no vowels, nothing that reads like another character. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A number of 64 bits; what is none counts as 0. */
export function revisionOf({ metadata }: ReplicaSet | Deployment): bigint {
  const text = metadata.annotations?.[REVISION] ?? '';
  return /^[+-]?\d{1,19}$/.test(text) ? BigInt.asIntN(64, BigInt(text.replace('+', ''))) : 0n;
}

/** What the next template will be, after these. */
export function revisionAfter(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((highest, one) => (one > highest ? one : highest), 0n) + 1n;
}

export const byRevision = (a: ReplicaSet, b: ReplicaSet): number => Number(revisionOf(a) - revisionOf(b));

/** The ReplicaSet of the Deployment's template; the oldest, should there be several. */
export function newReplicaSetOf(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const { template } = deployment.spec!;
  return [...sets].sort(byAge).find((set) => isEqual(withoutHash(set.spec!.template!), template));
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [HASH]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata!, labels } };
}

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [x, y] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.name}`);
  return x < y ? -1 : 1;
}

/** `limits`: how many pods the Deployment wants, and how many there may be during a rollout. */
export interface Limits {
  readonly desired: number;
  readonly max: number;
}

export function newReplicaSet(
  deployment: Deployment,
  options: { owner: OwnerReference; replicas: number; annotations: Record<string, string> },
): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec!;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH]: hash };
  return {
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: options.annotations,
      ownerReferences: [options.owner],
    },
    spec: {
      replicas: options.replicas,
      ...(minReadySeconds && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata!, labels } },
    },
  };
}

/** FNV-1a, 32 bits, of the template with its keys in order, in the alphabet of generated names. */
function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${canonical(template)}${collisionCount || ''}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return [...String(hash)].map((digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join('');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`)
    .join()}}`;
}

/** What the new ReplicaSet's annotations should be; `limits` only when it is created, later they change with its scale. */
export function annotationsFor(
  deployment: Deployment,
  options: { existing?: ReplicaSet; revision: bigint; limits?: Limits },
): Record<string, string> {
  const { existing, revision, limits } = options;
  const annotations = { ...existing?.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const old = existing ? revisionOf(existing) : 0n;
  if (old < revision) {
    annotations[REVISION] = String(revision);
    const history = annotations[REVISION_HISTORY]?.split(',') ?? [];
    if (old > 0n && history.at(-1) !== String(old)) annotations[REVISION_HISTORY] = [...history, old].join();
  }
  return limits ? { ...annotations, ...limitAnnotations(limits) } : annotations;
}

export function limitAnnotations({ desired, max }: Limits): Record<string, string> {
  return { [DESIRED]: String(desired), [MAX]: String(max) };
}

/** The limits as they were when the set was last scaled. */
export function limitsOf({ metadata }: ReplicaSet): Partial<Limits> {
  const read = (key: string): number | undefined => {
    const text = metadata.annotations?.[key];
    return text === undefined ? undefined : Number(text);
  };
  return { desired: read(DESIRED), max: read(MAX) };
}
