// The volumes of a pod: one kind of storage each, under a name of its own (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, required } from '../../field.ts';
import { parseQuantity } from '../../quantity.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../../selectors/syntax.ts';
import type {
  AzureFileVolumeSource,
  CSIVolumeSource,
  EmptyDirVolumeSource,
  EphemeralVolumeSource,
  GitRepoVolumeSource,
  GlusterfsVolumeSource,
  ImageVolumeSource,
  PersistentVolumeClaimVolumeSource,
  Volume,
} from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { relativePath } from '../paths.ts';
import { among, joined, type Member, memberOf, needed, structOf, unlessEmpty } from '../rule-table.ts';
import { validateClaimTemplate } from '../volume-claim.ts';
import { configMapVolume, downwardApiVolume, projectedVolume, secretVolume } from './projected-volume.ts';
import * as source from './volume-source.ts';

export const ONE_VOLUME = {
  tooMany: 'may not specify more than 1 volume type',
  none: 'must specify a volume type',
} as const;

const pullPolicy = needed(among('Always', 'IfNotPresent', 'Never'));

function emptyDir({ sizeLimit }: EmptyDirVolumeSource, field: string): FieldError[] {
  const isNegative = sizeLimit !== undefined && parseQuantity(String(sizeLimit)).nanos < 0n;
  return isNegative ? [forbidden(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')] : [];
}

function csi({ driver, nodePublishSecretRef: secret }: CSIVolumeSource, field: string): FieldError[] {
  const errors = source.csiDriverName(driver, `${field}.driver`);
  if (!secret) return errors;
  if (!secret.name) return [...errors, required(`${field}.nodePublishSecretRef.name`)];
  return [...errors, ...named(dns1123SubdomainErrors, secret.name, `${field}.name`)];
}

function ephemeral({ volumeClaimTemplate }: EphemeralVolumeSource, field: string): FieldError[] {
  const at = `${field}.volumeClaimTemplate`;
  return volumeClaimTemplate ? validateClaimTemplate(volumeClaimTemplate, at) : [required(at)];
}

/** In upstream's order, of which the first one counts. */
const MEMBERS: ReadonlyArray<Member<Volume>> = [
  { of: 'emptyDir', check: emptyDir },
  { of: 'hostPath', check: source.hostPath },
  {
    of: 'gitRepo',
    check: structOf<GitRepoVolumeSource>({ repository: needed(), directory: unlessEmpty(relativePath) }),
  },
  { of: 'gcePersistentDisk', check: source.gcePersistentDisk, innerName: 'persistentDisk' },
  { of: 'awsElasticBlockStore', check: source.awsElasticBlockStore },
  { of: 'secret', check: secretVolume },
  { of: 'nfs', check: source.nfs },
  { of: 'iscsi', check: source.iscsi },
  { of: 'glusterfs', check: structOf<GlusterfsVolumeSource>({ endpoints: needed(), path: needed() }) },
  { of: 'flocker', check: source.flocker },
  { of: 'persistentVolumeClaim', check: structOf<PersistentVolumeClaimVolumeSource>({ claimName: needed() }) },
  { of: 'rbd', check: source.rbd },
  { of: 'cinder', check: source.cinder },
  { of: 'cephfs', check: source.cephfs, extraName: 'cephFS' },
  { of: 'quobyte', check: source.quobyte },
  { of: 'downwardAPI', check: downwardApiVolume, extraName: 'downwarAPI' },
  { of: 'fc', check: source.fc },
  { of: 'flexVolume', check: source.flexVolume },
  { of: 'configMap', check: configMapVolume },
  { of: 'azureFile', check: structOf<AzureFileVolumeSource>({ secretName: needed(), shareName: needed() }) },
  { of: 'vsphereVolume', check: source.vsphereVolume },
  { of: 'photonPersistentDisk', check: source.photonPersistentDisk },
  { of: 'portworxVolume', check: source.portworxVolume },
  { of: 'azureDisk', check: source.azureDisk },
  { of: 'storageos', check: source.storageos },
  { of: 'projected', check: projectedVolume },
  { of: 'scaleIO', check: source.scaleIO },
  { of: 'csi', check: csi },
  { of: 'ephemeral', check: ephemeral },
];

const validateSource = memberOf<Volume>(
  [...MEMBERS, { of: 'image', check: structOf<ImageVolumeSource>({ pullPolicy }) }],
  ONE_VOLUME,
);
/** A pod itself also needs to say which image; a template may leave that open. */
const validateSourceOfPod = memberOf<Volume>(
  [...MEMBERS, { of: 'image', check: structOf<ImageVolumeSource>({ reference: needed(), pullPolicy }) }],
  ONE_VOLUME,
);

/**
 * `podName`: of a pod, undefined in a template: claims of ephemeral volumes are named after it. `good` gets the volumes that
 * containers may name: those with which nothing is wrong.
 */
export function validateVolumes(
  volumes: readonly Volume[],
  podName: string | undefined,
  good: Map<string, Volume>,
  field: string,
): FieldError[] {
  let errors: FieldError[] = [];
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i];
    const found = validateVolume(volume, podName, good, `${field}[${i}]`);
    if (found.length === 0) good.set(volume.name, volume);
    errors = joined(errors, found);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && podName && volumes.some(({ name, ephemeral }) => ephemeral && claim === `${podName}-${name}`)) {
      const why = 'must not reference a PVC that gets created for an ephemeral volume';
      errors = joined(errors, [invalid(`${field}[${i}].persistentVolumeClaim.claimName`, claim, why)]);
    }
  }
  return errors;
}

function validateVolume(
  volume: Volume,
  podName: string | undefined,
  taken: ReadonlyMap<string, Volume>,
  field: string,
): FieldError[] {
  const { name } = volume;
  const check = podName === undefined ? validateSource : validateSourceOfPod;
  const errors = [...check(volume, field), ...longNames(volume, podName, field)];
  if (!name) errors.push(required(`${field}.name`));
  else errors.push(...named(dns1123LabelErrors, name, `${field}.name`));
  if (taken.has(name)) errors.push(duplicate(`${field}.name`, name));
  return errors;
}

/** Names that are made of the volume's and another one. */
function longNames({ name, iscsi, ephemeral }: Volume, podName: string | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (iscsi?.initiatorName !== undefined && `${name}:${iscsi.targetPortal}`.length > 64) {
    const why =
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
    errors.push(invalid(`${field}.name`, name, why));
  }
  if (!ephemeral || !podName || !name) return errors;
  const claim = `${podName}-${name}`;
  for (const error of dns1123SubdomainErrors(claim)) {
    errors.push(invalid(`${field}.name`, name, `PVC name ${JSON.stringify(claim)}: ${error}`));
  }
  return errors;
}
