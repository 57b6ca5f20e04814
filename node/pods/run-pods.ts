// The loop that runs the pods bound to this node: one worker per pod UID, and nothing left of pods that are no more.
import type { Pod } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { pods } from '../../client/resources.ts';
import { aborted } from '../../host/lifecycle.ts';
import type { Logger } from '../../host/log.ts';
import { parseContainerID } from '../runtime.ts';
import { isMirrorPod } from './mirror-pods.ts';
import type { PodContext } from './pod-context.ts';
import { PodWorker } from './pod-worker.ts';
import { readSandboxRecords, removeSandboxRecord } from './sandbox-records.ts';

/** The pods bound to a node, mirror pods included. */
export function assignedPods(client: Client, nodeName: string, log: Logger): Informer<Pod> {
  return new Informer({ client, resource: pods, selection: { fieldSelector: `spec.nodeName=${nodeName}` }, log });
}

/** Runs `informer` and its pods until `signal` aborts; containers run on then. */
export async function runPods(context: PodContext, informer: Informer<Pod>, signal: AbortSignal): Promise<void> {
  const { log, runtime } = context;
  const workers = new Map<string, PodWorker>();
  const running = new Set<Promise<void>>();

  const begin = (pod: Pod): void => {
    const uid = pod.metadata.uid!;
    if (workers.has(uid) || isMirrorPod(pod)) return;
    const worker = new PodWorker(context, pod, signal);
    workers.set(uid, worker);
    const done: Promise<void> = worker
      .run(signal)
      .catch((error: Error) => log.error({ err: error, pod: pod.metadata.name }, 'the worker of a pod ended'))
      .finally(() => {
        workers.delete(uid);
        running.delete(done);
      });
    running.add(done);
  };
  const endHearing = runtime.onExit((state) => workers.get(parseContainerID(state.id).podUID)?.ended(state));
  const following = informer.run(signal);
  await Promise.race([informer.synced(), aborted(signal)]);
  if (!signal.aborted) await removeOrphans(context, new Set(informer.list().map(({ metadata }) => metadata.uid!)));
  informer.addHandlers({
    add: begin,
    update: (pod) => workers.get(pod.metadata.uid!)?.update(pod),
    delete: (pod) => workers.get(pod.metadata.uid!)?.removed(),
  });
  await following;
  endHearing();
  await Promise.all(running);
}

/** What an earlier agent left of pods that were deleted while no agent looked. */
async function removeOrphans(context: PodContext, wanted: ReadonlySet<string>): Promise<void> {
  const { runtime, network, hostPorts, directory, log } = context;
  const orphans = runtime.list().filter(({ id }) => !wanted.has(parseContainerID(id).podUID));
  await Promise.all(orphans.map(({ id }) => runtime.stop(id, 0)));
  for (const { id } of orphans) await runtime.remove(id);
  for (const { podUID, podName, addresses } of await readSandboxRecords(directory)) {
    if (wanted.has(podUID)) continue;
    log.info({ pod: podName }, 'removing what is left of a pod that is no more');
    if (addresses) await network.detach(podUID);
    await removeSandboxRecord(directory, podUID);
    await hostPorts.refresh();
  }
}
