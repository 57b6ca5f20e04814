// Creating and deleting the pods of a workload: slowly at first, so that a template the server refuses costs one request
// and not five hundred (upstream pkg/controller/controller_utils.go and replicaset/replica_set.go).
import type { KubeObject, ObjectMeta } from '../api/object.ts';
import { isReason, StatusError } from '../api/status.ts';
import type { Pod, PodTemplateSpec } from '../api/types/core.v1.ts';
import type { Client, Resource } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { pods } from '../client/resources.ts';
import type { OwnWrites } from './own-writes.ts';
import { ownerReferenceTo } from './ownership.ts';

export interface PodWrites<O extends KubeObject> {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<Pod>;
  /** The loop's key. */
  readonly key: string;
  readonly owner: { resource: Resource<O>; object: O };
}

/** Creates `count` pods in batches of 1, 2, 4, …; stops at the first batch with a failure, and throws it. */
export async function createPods<O extends KubeObject>(
  context: PodWrites<O>,
  template: PodTemplateSpec,
  count: number,
): Promise<void> {
  for (let size = 1, left = count; left > 0; left -= size, size = Math.min(size * 2, left)) {
    const batch = Array.from({ length: Math.min(size, left) }, () => createPod(context, template));
    throwFirst(await Promise.allSettled(batch));
  }
}

async function createPod<O extends KubeObject>(
  { client, recorder, writes, key, owner }: PodWrites<O>,
  template: PodTemplateSpec,
): Promise<void> {
  const { resource, object } = owner;
  try {
    const made = await client.create(pods, podOf(owner, template));
    writes.wrote(key, made);
    const message = `Created pod: ${made.metadata.name}`;
    recorder.record({ resource, object, type: 'Normal', reason: 'SuccessfulCreate', message });
  } catch (error) {
    if (isNamespaceTerminating(error)) return; // the namespace takes everything with it
    const message = `Error creating: ${(error as Error).message}`;
    recorder.record({ resource, object, type: 'Warning', reason: 'FailedCreate', message });
    throw error;
  }
}

export function podOf<O extends KubeObject>(
  { resource, object }: { resource: Resource<O>; object: O },
  template: PodTemplateSpec,
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const metadata = {
    generateName: `${object.metadata.name}-`,
    namespace: object.metadata.namespace,
    labels,
    annotations,
    finalizers,
    ownerReferences: [ownerReferenceTo(resource, object)],
  } as Omit<ObjectMeta, 'name'> as ObjectMeta;
  return { metadata, spec: template.spec };
}

export async function deletePods<O extends KubeObject>(
  { client, recorder, writes, key, owner }: PodWrites<O>,
  doomed: readonly Pod[],
): Promise<void> {
  const { resource, object } = owner;
  const deletions = doomed.map(async (pod) => {
    const { name, namespace, uid } = pod.metadata;
    try {
      await client.delete(pods, { name, namespace }, { preconditions: { uid } });
    } catch (error) {
      if (isReason(error, 'NotFound')) return;
      const message = `Error deleting: ${(error as Error).message}`;
      recorder.record({ resource, object, type: 'Warning', reason: 'FailedDelete', message });
      throw error;
    }
    writes.deleted(key, pod);
    recorder.record({ resource, object, type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` });
  });
  throwFirst(await Promise.allSettled(deletions));
}

function throwFirst(outcomes: readonly PromiseSettledResult<void>[]): void {
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  return (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');
}
