// Keeps a claim while a pod that has a node uses it (upstream pkg/controller/volume/pvcprotection).
import { keyOf } from '../api/object.ts';
import type { PersistentVolumeClaim, Pod, Volume } from '../api/types/core.v1.ts';
import { persistentVolumeClaims, pods } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import { isPodTerminal } from './pods.ts';
import { keepWhileUsed, needsCare } from './protection.ts';

const FINALIZER = 'kubernetes.io/pvc-protection';

export function persistentVolumeClaimProtection(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('pvcprotection');
  const claims = informers.of(persistentVolumeClaims);
  const podCache = informers.of(pods, { claim: claimsOf });

  const look = (claim: PersistentVolumeClaim): void => {
    if (needsCare(claim, FINALIZER)) queue.add(keyOf(claim));
  };
  const lookAtClaims = (pod: Pod): void => {
    for (const key of claimsOf(pod)) queue.add(key);
  };
  // A pod that runs frees nothing.
  const lookIfDone = (pod: Pod): void => {
    if (isPodTerminal(pod) || !pod.spec?.nodeName) lookAtClaims(pod);
  };
  claims.addHandlers({ add: look, update: look });
  podCache.addHandlers({
    add: lookIfDone,
    update(pod, old) {
      lookIfDone(pod);
      if (old.metadata.uid !== pod.metadata.uid) lookAtClaims(old);
    },
    delete: lookAtClaims,
  });

  /** The cache may not have heard of a pod that was bound just now: before a claim goes, the server is asked. */
  async function isUsed(claim: PersistentVolumeClaim): Promise<boolean> {
    if (podCache.byIndex('claim', keyOf(claim)).some((pod) => uses(pod, claim))) return true;
    const { items } = await client.list(pods, { namespace: claim.metadata.namespace });
    return items.some((pod) => uses(pod, claim));
  }

  async function reconcile(key: string): Promise<void> {
    const claim = claims.get(key);
    const protection = { client, resource: persistentVolumeClaims, finalizer: FINALIZER, isUsed };
    if (claim) await keepWhileUsed(protection, claim);
  }

  const caches = [claims, podCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop(
    { name: 'persistentvolumeclaim-protection', queue, informers: caches, concurrency, reconcile },
    environment,
  );
}

/** A kubelet starts no pod whose claim is leaving, so one without a node uses none. */
function uses(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const { name, ownerReferences = [] } = claim.metadata;
  return (pod.spec.volumes ?? []).some((volume) => {
    if (claimName(pod, volume) !== name) return false;
    if (!volume.ephemeral) return true;
    return !isShutDown(pod) && ownerReferences.some(({ uid, controller }) => controller && uid === pod.metadata.uid);
  });
}

/** The kubelet is done with it, or somebody removed it by force: what is left waits for finalizers. */
function isShutDown({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}

/** An ephemeral volume's claim is named after the pod and the volume. */
function claimName(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral) return `${pod.metadata.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/** Keys of the claims its volumes are of. */
function claimsOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = claimName(pod, volume);
    return name ? [`${pod.metadata.namespace}/${name}`] : [];
  });
}
