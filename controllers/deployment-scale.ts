// How many pods each ReplicaSet of a Deployment may have: every number of a rollout, as pure functions
// (upstream pkg/controller/deployment/rolling.go, sync.go and util/deployment_util.go).
import type { Deployment, ReplicaSet } from '../api/types/apps.v1.ts';
import type { IntOrString } from '../api/types/util.intstr.ts';
import { byAge, type Limits, limitsOf } from './deployment-revisions.ts';

export interface Change {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

export const replicasOf = (set: ReplicaSet): number => set.spec?.replicas ?? 1;
export const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
export const isActive = (set: ReplicaSet): boolean => replicasOf(set) > 0;
const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);

/** A percentage of `total`, rounded up for surge and down for unavailability; both zero would stop every rollout. */
export function budgetOf(deployment: Deployment): { desired: number; maxSurge: number; maxUnavailable: number } {
  const { replicas: desired = 1, strategy } = deployment.spec!;
  if (strategy?.type === 'Recreate') return { desired, maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, desired, Math.ceil);
  const unavailable =
    surge === 0 ? resolve(maxUnavailable, desired, Math.floor) || 1 : resolve(maxUnavailable, desired, Math.floor);
  return { desired, maxSurge: surge, maxUnavailable: Math.min(unavailable, desired) };
}

function resolve(value: IntOrString, total: number, round: (value: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * total) / 100);
}

export function limitsFor(deployment: Deployment): Limits {
  const { desired, maxSurge } = budgetOf(deployment);
  return { desired, max: desired + maxSurge };
}

/** How many pods the new ReplicaSet (undefined: about to be created) may have now. */
export function newReplicas(deployment: Deployment, all: readonly ReplicaSet[], set: ReplicaSet | undefined): number {
  const { desired, maxSurge } = budgetOf(deployment);
  if (deployment.spec!.strategy?.type === 'Recreate') return desired;
  const current = set ? replicasOf(set) : 0;
  const room = desired + maxSurge - sum(all, replicasOf);
  return room <= 0 ? current : current + Math.max(0, Math.min(room, desired - current));
}

/** Old ReplicaSets that may shrink now: what is broken first, then as far as enough pods stay available. */
export function shrinkOld(deployment: Deployment, set: ReplicaSet, old: readonly ReplicaSet[]): Change[] {
  const { desired, maxUnavailable } = budgetOf(deployment);
  const all = [...old, set];
  const minAvailable = desired - maxUnavailable;
  const unavailableNew = replicasOf(set) - availableOf(set);
  const most = sum(all, replicasOf) - minAvailable - unavailableNew;
  if (sum(old, replicasOf) === 0 || most <= 0) return [];
  const sizes = new Map(old.map((one) => [one, replicasOf(one)]));
  let broken = 0;
  for (const one of [...old].sort(byAge)) {
    const count = Math.min(most - broken, sizes.get(one)! - availableOf(one));
    if (count <= 0) continue;
    sizes.set(one, sizes.get(one)! - count);
    broken += count;
  }
  let spare = sum(all, availableOf) - minAvailable;
  for (const one of [...old].sort(byAge)) {
    const count = Math.min(Math.max(spare, 0), sizes.get(one)!);
    sizes.set(one, sizes.get(one)! - count);
    spare -= count;
  }
  return [...sizes].map(([one, replicas]) => ({ set: one, replicas })).filter(changes);
}

/** What a change of `spec.replicas` means outside a rollout, or in the middle of one. */
export function rescale(deployment: Deployment, set: ReplicaSet | undefined, old: readonly ReplicaSet[]): Change[] {
  const { desired } = budgetOf(deployment);
  const all = set ? [...old, set] : [...old];
  const active = all.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? set ?? [...old].sort(byAge).at(-1);
    return only ? [{ set: only, replicas: desired }].filter(changes) : [];
  }
  if (set && isSaturated(deployment, set)) {
    return old.filter(isActive).map((one) => ({ set: one, replicas: 0 }));
  }
  return deployment.spec!.strategy?.type === 'Recreate' ? [] : inProportion(deployment, active);
}

const changes = ({ set, replicas }: Change): boolean => replicasOf(set) !== replicas;

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const { desired } = budgetOf(deployment);
  return replicasOf(set) === desired && limitsOf(set).desired === desired && availableOf(set) === desired;
}

/** Pods to add or take away are shared out among the active sets by their sizes; what rounding leaves goes to the first. */
function inProportion(deployment: Deployment, active: readonly ReplicaSet[]): Change[] {
  const { desired, maxSurge } = budgetOf(deployment);
  const allowed = desired > 0 ? desired + maxSurge : 0;
  const toAdd = allowed - sum(active, replicasOf);
  // The larger first; of equals the newer when growing, the older when shrinking.
  const order = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const sizes = order.map((set) => {
    const left = toAdd - added;
    const share = desired > 0 ? shareOf(deployment, set, allowed) : -replicasOf(set);
    const part = toAdd === 0 || left === 0 ? 0 : toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    added += part;
    return replicasOf(set) + part;
  });
  if (sizes.length > 0 && toAdd !== 0) sizes[0] = Math.max(0, sizes[0] + toAdd - added);
  return order.map((set, i) => ({ set, replicas: sizes[i] }));
}

function shareOf(deployment: Deployment, set: ReplicaSet, allowed: number): number {
  const before = limitsOf(set).max || deployment.status?.replicas || allowed;
  return Math.round((replicasOf(set) * allowed) / before) - replicasOf(set);
}
