// What tables show of CSIDriver, CSINode and VolumeAttachment (k8s.io/kubernetes v1.36 pkg/printers/internalversion).
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { CSIDriver, CSINode, VolumeAttachment } from '../types/storage.v1.ts';

export const driverCells: Rules<CSIDriver>['cells'] = ({ metadata, spec }, now) => [
  metadata.name,
  spec.attachRequired ?? true,
  spec.podInfoOnMount ?? false,
  spec.storageCapacity ?? false,
  spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>',
  spec.requiresRepublish ?? false,
  (spec.volumeLifecycleModes ?? []).join(','),
  ageOf(metadata.creationTimestamp, now),
];

export const nodeDriversCells: Rules<CSINode>['cells'] = ({ metadata, spec }, now) => [
  metadata.name,
  spec.drivers?.length ?? 0,
  ageOf(metadata.creationTimestamp, now),
];

export const attachmentCells: Rules<VolumeAttachment>['cells'] = ({ metadata, spec, status }, now) => [
  metadata.name,
  spec.attacher,
  spec.source.persistentVolumeName ?? '',
  spec.nodeName,
  status?.attached ?? false,
  ageOf(metadata.creationTimestamp, now),
];
