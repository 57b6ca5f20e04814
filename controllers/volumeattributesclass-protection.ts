// A VolumeAttributesClass that is deleted stays until no volume and no claim has it
// (upstream pkg/controller/volume/vacprotection).
import type { PersistentVolume, PersistentVolumeClaim } from '../api/types/core.v1.ts';
import type { VolumeAttributesClass } from '../api/types/storage.v1.ts';
import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import { keepWhileUsed } from './protection.ts';

const FINALIZER = 'kubernetes.io/vac-protection';

export function volumeAttributesClassProtection(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('vacprotection');
  const claims = informers.of(persistentVolumeClaims, { class: classesOfClaim });
  const volumes = informers.of(persistentVolumes, { class: classesOfVolume });
  const classes = informers.of(volumeAttributesClasses);

  const look = ({ metadata }: VolumeAttributesClass): void => queue.add(metadata.name);
  const lookAt = (names: readonly string[]): void => {
    for (const name of names) queue.add(name);
  };
  classes.addHandlers({ add: look, update: look });
  claims.addHandlers({
    update: (_claim, old) => lookAt(classesOfClaim(old)),
    delete: (claim) => lookAt(classesOfClaim(claim)),
  });
  volumes.addHandlers({
    update: (_volume, old) => lookAt(classesOfVolume(old)),
    delete: (volume) => lookAt(classesOfVolume(volume)),
  });

  async function reconcile(name: string): Promise<void> {
    const found = classes.get(name);
    const isUsed = (): boolean => [claims, volumes].some((cache) => cache.byIndex('class', name).length > 0);
    const protection = { client, resource: volumeAttributesClasses, finalizer: FINALIZER, isUsed };
    if (found) await keepWhileUsed(protection, found);
  }

  const caches = [claims, volumes, classes];
  const concurrency = options.concurrentSyncs;
  return controlLoop(
    { name: 'volumeattributesclass-protection', queue, informers: caches, concurrency, reconcile },
    environment,
  );
}

/** The one it wants, the one it has, and the one it is being given. */
function classesOfClaim({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.flatMap((name) => (name ? [name] : [])))];
}

function classesOfVolume({ spec }: PersistentVolume): string[] {
  return spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
}
