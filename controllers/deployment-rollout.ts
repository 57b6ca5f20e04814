// One step of a Deployment: decide by its ReplicaSets what may change now, change it, and write down how far it is.
import { isReason } from '../api/status.ts';
import type { Deployment, DeploymentCondition, ReplicaSet } from '../api/types/apps.v1.ts';
import type { Pod } from '../api/types/core.v1.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { deployments, replicaSets } from '../client/resources.ts';
import type { WorkQueue } from '../client/workqueue.ts';
import type { Clock } from '../host/clock.ts';
import {
  annotationsFor,
  byRevision,
  limitAnnotations,
  limitsOf,
  newReplicaSet,
  newReplicaSetOf,
  REVISION,
  revisionAfter,
} from './deployment-revisions.ts';
import { type Change, isActive, limitsFor, newReplicas, replicasOf, rescale, shrinkOld } from './deployment-scale.ts';
import {
  conditionOf,
  countedStatus,
  deadlineIn,
  hasDeadline,
  isComplete,
  withFailures,
  withNews,
  withProgress,
} from './deployment-status.ts';
import { isEqual } from './equality.ts';
import type { OwnWrites } from './own-writes.ts';
import { ownerReferenceTo } from './ownership.ts';
import { isNamespaceTerminating } from './pod-writes.ts';
import { isPodTerminal } from './pods.ts';

export interface RolloutContext {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly writes: { deployments: OwnWrites<Deployment>; sets: OwnWrites<ReplicaSet> };
  readonly clock: Clock;
  readonly queue: WorkQueue;
  readonly key: string;
  readonly deployment: Deployment;
  /** All the Deployment owns. */
  readonly sets: readonly ReplicaSet[];
  podsOf(set: ReplicaSet): Pod[];
}

export class Rollout {
  readonly #context: RolloutContext;
  #new: ReplicaSet | undefined;
  #old: ReplicaSet[];
  #conditions: DeploymentCondition[];
  #revision: string | undefined;

  constructor(context: RolloutContext) {
    const { deployment, sets } = context;
    this.#context = context;
    this.#new = newReplicaSetOf(deployment, sets);
    this.#old = sets.filter((set) => set !== this.#new);
    this.#conditions = deployment.status?.conditions ?? [];
    this.#revision = deployment.metadata.annotations?.[REVISION];
  }

  async step(): Promise<void> {
    const { deployment } = this.#context;
    if (deployment.metadata.deletionTimestamp) return this.#writeStatus({ progress: false });
    this.#notePause();
    if (deployment.spec!.paused || this.#isScaled()) return this.#rescale();
    if (deployment.spec!.strategy?.type === 'Recreate') await this.#recreate();
    else await this.#roll();
    await this.#writeStatus({ progress: true });
  }

  get #all(): ReplicaSet[] {
    return this.#new ? [...this.#old, this.#new] : this.#old;
  }

  /** Whether `spec.replicas` has changed since the active sets were scaled. */
  #isScaled(): boolean {
    const { replicas = 1 } = this.#context.deployment.spec!;
    const before = this.#all.filter(isActive).map((set) => limitsOf(set).desired);
    return before.some((desired) => desired !== undefined && desired !== replicas);
  }

  async #rescale(): Promise<void> {
    const { deployment } = this.#context;
    if (this.#new) await this.#ensureNew();
    const wanted = rescale(deployment, this.#new, this.#old);
    await this.#scale(wanted);
    if (deployment.spec!.paused) await this.#cleanUp();
    await this.#writeStatus({ progress: false });
  }

  async #roll(): Promise<void> {
    const { deployment } = this.#context;
    const set = await this.#ensureNew();
    const { replicas = 1 } = deployment.spec!;
    const size = replicasOf(set) > replicas ? replicas : newReplicas(deployment, this.#all, set);
    if (await this.#scale([{ set, replicas: size }])) return;
    if (await this.#scale(shrinkOld(deployment, set, this.#old))) return;
    if (this.#isDone()) await this.#cleanUp();
  }

  async #recreate(): Promise<void> {
    const old = this.#old.filter(isActive);
    if (await this.#scale(old.map((set) => ({ set, replicas: 0 })))) return;
    const runs = (pod: Pod): boolean => !isPodTerminal(pod);
    if (this.#old.some((set) => (set.status?.replicas ?? 0) > 0 || this.#context.podsOf(set).some(runs))) return;
    const set = await this.#ensureNew();
    await this.#scale([{ set, replicas: this.#context.deployment.spec!.replicas ?? 1 }]);
    if (this.#isDone()) await this.#cleanUp();
  }

  #isDone(): boolean {
    const { deployment, clock } = this.#context;
    const sets = { all: this.#all, updated: this.#new };
    return isComplete(deployment, countedStatus(deployment, sets, this.#conditions, clock.now()));
  }

  /** The ReplicaSet of the present template, created if need be, with the revision it is now. */
  async #ensureNew(): Promise<ReplicaSet> {
    const { deployment, client, writes, key } = this.#context;
    const revision = revisionAfter(this.#old);
    if (!this.#new) return this.#create(revision);
    const existing = this.#new;
    const annotations = annotationsFor(deployment, { existing, revision });
    const { minReadySeconds = 0 } = deployment.spec!;
    if (
      !isEqual(annotations, existing.metadata.annotations) ||
      (existing.spec!.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      const next: ReplicaSet = {
        ...existing,
        metadata: { ...existing.metadata, annotations },
        spec: { ...existing.spec!, minReadySeconds },
      };
      this.#new = await client.update(replicaSets, next);
      writes.sets.wrote(key, this.#new);
    }
    this.#revision = annotations[REVISION];
    if (hasDeadline(deployment) && !conditionOf(this.#conditions, 'Progressing')) {
      this.#say('True', 'FoundNewReplicaSet', `Found new replica set "${existing.metadata.name}"`);
    }
    return this.#new;
  }

  async #create(revision: bigint): Promise<ReplicaSet> {
    const { deployment, client, writes, key } = this.#context;
    const replicas = newReplicas(deployment, this.#old, undefined);
    const annotations = annotationsFor(deployment, { revision, limits: limitsFor(deployment) });
    const owner = ownerReferenceTo(deployments, deployment);
    const wanted = newReplicaSet(deployment, { owner, replicas, annotations });
    try {
      this.#new = await client.create(replicaSets, wanted);
    } catch (error) {
      await this.#explain(error as Error, wanted);
      throw error;
    }
    writes.sets.wrote(key, this.#new);
    this.#revision = annotations[REVISION];
    if (replicas > 0) this.#recordScale(wanted.metadata.name, 0, replicas);
    if (hasDeadline(deployment)) {
      this.#say('True', 'NewReplicaSetCreated', `Created new replica set "${wanted.metadata.name}"`);
    }
    return this.#new;
  }

  /** A name taken by another template's set asks for another hash; any other refusal is told in the status. */
  async #explain(error: Error, wanted: ReplicaSet): Promise<void> {
    const { deployment, client, writes, key } = this.#context;
    if (isReason(error, 'AlreadyExists')) {
      const { name, namespace } = wanted.metadata;
      const other = await client.get(replicaSets, { name, namespace });
      const mine = other.metadata.ownerReferences?.some(({ uid }) => uid === deployment.metadata.uid);
      if (mine && newReplicaSetOf(deployment, [other])) return; // ours, and the cache will know soon
      const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
      const next = { ...deployment, status: { ...deployment.status, collisionCount } };
      writes.deployments.wrote(key, await client.update(deployments, next, 'status'));
    } else if (hasDeadline(deployment) && !isNamespaceTerminating(error)) {
      const message = `Failed to create new replica set "${wanted.metadata.name}": ${error.message}`;
      this.#say('False', 'ReplicaSetCreateError', message);
      await this.#writeStatus({ progress: false });
    }
  }

  /** Whether anything changed size. Sets that keep theirs still get the present limits noted. */
  async #scale(changes: readonly Change[]): Promise<boolean> {
    const { deployment, client, writes, key } = this.#context;
    const limits = limitsFor(deployment);
    let scaled = false;
    for (const { set, replicas } of changes) {
      const before = replicasOf(set);
      const noted = limitsOf(set);
      if (before === replicas && noted.desired === limits.desired && noted.max === limits.max) continue;
      const annotations = { ...set.metadata.annotations, ...limitAnnotations(limits) };
      const next = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec!, replicas } };
      const written = await client.update(replicaSets, next);
      writes.sets.wrote(key, written);
      this.#replace(set, written);
      if (before === replicas) continue;
      scaled = true;
      this.#recordScale(set.metadata.name, before, replicas);
    }
    return scaled;
  }

  #replace(set: ReplicaSet, written: ReplicaSet): void {
    if (this.#new === set) this.#new = written;
    else this.#old = this.#old.map((one) => (one === set ? written : one));
  }

  #recordScale(name: string, from: number, to: number): void {
    const { recorder, deployment } = this.#context;
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`;
    const about = { resource: deployments, object: deployment };
    recorder.record({ ...about, type: 'Normal', reason: 'ScalingReplicaSet', message });
  }

  /** Old sets beyond revisionHistoryLimit go, the oldest revisions first, if nothing is left in them. */
  async #cleanUp(): Promise<void> {
    const { deployment, client, writes, key } = this.#context;
    const { revisionHistoryLimit } = deployment.spec!;
    if (revisionHistoryLimit === undefined) return;
    const alive = this.#old.filter(({ metadata }) => !metadata.deletionTimestamp);
    const surplus = alive.sort(byRevision).slice(0, alive.length - revisionHistoryLimit);
    if (alive.length <= revisionHistoryLimit) return;
    for (const set of surplus) {
      const observed = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
      if (isActive(set) || (set.status?.replicas ?? 0) > 0 || !observed) continue;
      const { name, namespace, uid } = set.metadata;
      await client.delete(replicaSets, { name, namespace }, { preconditions: { uid } });
      writes.sets.deleted(key, set);
    }
  }

  #notePause(): void {
    const { deployment } = this.#context;
    const reason = conditionOf(this.#conditions, 'Progressing')?.reason;
    if (!hasDeadline(deployment) || reason === 'ProgressDeadlineExceeded') return;
    if (deployment.spec!.paused && reason !== 'DeploymentPaused') {
      this.#say('Unknown', 'DeploymentPaused', 'Deployment is paused');
    } else if (!deployment.spec!.paused && reason === 'DeploymentPaused') {
      this.#say('Unknown', 'DeploymentResumed', 'Deployment is resumed');
    }
  }

  #say(status: string, reason: string, message: string): void {
    const news = { type: 'Progressing', status, reason, message };
    this.#conditions = withNews(this.#conditions, news, this.#context.clock.now());
  }

  async #writeStatus({ progress }: { progress: boolean }): Promise<void> {
    const { deployment, client, writes, key, clock, queue } = this.#context;
    const now = clock.now();
    let status = countedStatus(deployment, { all: this.#all, updated: this.#new }, this.#conditions, now);
    if (progress) status = withFailures(withProgress(deployment, status, this.#new, now), this.#all, now);
    const deadline = deadlineIn(deployment, status.conditions!, now);
    if (progress && deadline !== undefined && deadline > 0) queue.addAfter(key, deadline + 1000);
    const noted = deployment.metadata.annotations?.[REVISION] === this.#revision;
    if (noted && isEqual(status, deployment.status)) return;
    // Annotations travel with the status: upstream's strategy lets them, and so the revision costs no write of its own.
    const annotations = { ...deployment.metadata.annotations, ...(this.#revision && { [REVISION]: this.#revision }) };
    const next = { ...deployment, metadata: { ...deployment.metadata, annotations }, status };
    writes.deployments.wrote(key, await client.update(deployments, next, 'status'));
  }
}
