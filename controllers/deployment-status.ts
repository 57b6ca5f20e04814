// What a Deployment's status says: counts, availability, progress (upstream pkg/controller/deployment/sync.go, progress.go).
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../api/types/apps.v1.ts';
import { rfc3339 } from '../host/clock.ts';
import { withoutCondition } from './conditions.ts';
import { budgetOf } from './deployment-scale.ts';

type Conditions = readonly DeploymentCondition[];

/** progressDeadlineSeconds of this value means none. */
const NO_DEADLINE = 2 ** 31 - 1;

export function hasDeadline({ spec }: Deployment): boolean {
  return spec!.progressDeadlineSeconds !== undefined && spec!.progressDeadlineSeconds !== NO_DEADLINE;
}

export function conditionOf(conditions: Conditions, type: string): DeploymentCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** As upstream: the same status for the same reason is no news, whatever the message says. */
export function withNews(
  conditions: Conditions,
  news: Omit<DeploymentCondition, 'lastUpdateTime'>,
  now: number,
): DeploymentCondition[] {
  const current = conditionOf(conditions, news.type);
  if (current?.status === news.status && current.reason === news.reason) return [...conditions];
  return renewed(conditions, news, now);
}

function renewed(
  conditions: Conditions,
  news: Omit<DeploymentCondition, 'lastUpdateTime'>,
  now: number,
): DeploymentCondition[] {
  const current = conditionOf(conditions, news.type);
  const time = rfc3339(now);
  const lastTransitionTime = current?.status === news.status ? current.lastTransitionTime : time;
  return [...withoutCondition(conditions, news.type), { ...news, lastUpdateTime: time, lastTransitionTime }];
}

/** `conditions` are those decided so far; progress is added by `withProgress`. */
export function countedStatus(
  deployment: Deployment,
  sets: { all: readonly ReplicaSet[]; updated: ReplicaSet | undefined },
  conditions: Conditions,
  now: number,
): DeploymentStatus {
  const total = (field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas'): number =>
    sets.all.reduce((count, { status }) => count + (status?.[field] ?? 0), 0);
  const [replicas, ready, available] = [total('replicas'), total('readyReplicas'), total('availableReplicas')];
  const unavailable = Math.max(0, replicas - available);
  const updated = sets.updated?.status?.replicas ?? 0;
  const { desired, maxUnavailable } = budgetOf(deployment);
  const enough = available >= desired - maxUnavailable;
  const availability = enough
    ? { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  const collisionCount = deployment.status?.collisionCount;
  return {
    observedGeneration: deployment.metadata.generation,
    ...(replicas && { replicas }),
    ...(updated && { updatedReplicas: updated }),
    ...(ready && { readyReplicas: ready }),
    ...(available && { availableReplicas: available }),
    ...(unavailable && { unavailableReplicas: unavailable }),
    terminatingReplicas: total('terminatingReplicas'),
    ...(collisionCount && { collisionCount }),
    conditions: withNews(conditions, { type: 'Available', ...availability }, now),
  };
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { desired } = budgetOf(deployment);
  return [status.updatedReplicas, status.replicas, status.availableReplicas].every((count = 0) => count === desired);
}

function hasProgressed(old: DeploymentStatus, status: DeploymentStatus): boolean {
  const count = (value = 0): number => value;
  const outdated = ({ replicas, updatedReplicas }: DeploymentStatus): number =>
    count(replicas) - count(updatedReplicas);
  return (
    count(status.updatedReplicas) > count(old.updatedReplicas) ||
    outdated(status) < outdated(old) ||
    count(status.readyReplicas) > count(old.readyReplicas) ||
    count(status.availableReplicas) > count(old.availableReplicas)
  );
}

/** ms until the rollout counts as stuck; undefined when it isn't under way. */
export function deadlineIn(deployment: Deployment, conditions: Conditions, now: number): number | undefined {
  const current = conditionOf(conditions, 'Progressing');
  if (!hasDeadline(deployment) || !current || current.reason === 'NewReplicaSetAvailable') return undefined;
  if (current.reason === 'ProgressDeadlineExceeded') return 0;
  return Date.parse(current.lastUpdateTime!) + deployment.spec!.progressDeadlineSeconds! * 1000 - now;
}

/** The status with what it says about the rollout's progress, judged against what was said before. */
export function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  set: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const conditions = status.conditions!;
  if (!hasDeadline(deployment)) return { ...status, conditions: withoutCondition(conditions, 'Progressing') };
  const current = conditionOf(conditions, 'Progressing');
  const wasComplete =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (wasComplete) return status;
  const who = set ? `ReplicaSet "${set.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const progressing = (state: string, reason: string, what: string): Omit<DeploymentCondition, 'lastUpdateTime'> => ({
    type: 'Progressing',
    status: state,
    reason,
    message: `${who} ${what}`,
  });
  if (isComplete(deployment, status)) {
    const news = progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
    return { ...status, conditions: withNews(conditions, news, now) };
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    const news = progressing('True', 'ReplicaSetUpdated', 'is progressing.');
    return { ...status, conditions: renewed(conditions, news, now) };
  }
  if ((deadlineIn(deployment, conditions, now) ?? 1) <= 0) {
    const news = progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
    return { ...status, conditions: withNews(conditions, news, now) };
  }
  return status;
}

/** A refusal that one of the ReplicaSets met shows on the Deployment too. */
export function withFailures(status: DeploymentStatus, all: readonly ReplicaSet[], now: number): DeploymentStatus {
  const failure = all
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type, status: state }) => type === 'ReplicaFailure' && state === 'True');
  const conditions = failure
    ? withNews(
        status.conditions!,
        { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message },
        now,
      )
    : withoutCondition(status.conditions, 'ReplicaFailure');
  return { ...status, conditions };
}
