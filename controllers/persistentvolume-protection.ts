// Keeps a volume while it is bound to a claim (upstream pkg/controller/volume/pvprotection).
import type { PersistentVolume } from '../api/types/core.v1.ts';
import { persistentVolumes } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import { keepWhileUsed, needsCare } from './protection.ts';

const FINALIZER = 'kubernetes.io/pv-protection';

export function persistentVolumeProtection(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('pvprotection');
  const volumes = informers.of(persistentVolumes);

  const look = (volume: PersistentVolume): void => {
    if (needsCare(volume, FINALIZER)) queue.add(volume.metadata.name);
  };
  volumes.addHandlers({ add: look, update: look });

  const isUsed = ({ status }: PersistentVolume): boolean => status?.phase === 'Bound';
  async function reconcile(name: string): Promise<void> {
    const volume = volumes.get(name);
    if (volume) await keepWhileUsed({ client, resource: persistentVolumes, finalizer: FINALIZER, isUsed }, volume);
  }

  const concurrency = options.concurrentSyncs;
  return controlLoop(
    { name: 'persistentvolume-protection', queue, informers: [volumes], concurrency, reconcile },
    environment,
  );
}
