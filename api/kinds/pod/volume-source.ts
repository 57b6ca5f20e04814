// Kinds of storage that both pods and PersistentVolumes may name (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, invalid, notSupported, required, tooLong } from '../../field.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../../selectors/syntax.ts';
import type {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  CephFSVolumeSource,
  CinderPersistentVolumeSource,
  CinderVolumeSource,
  FCVolumeSource,
  FlexPersistentVolumeSource,
  FlexVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  HostPathVolumeSource,
  ISCSIPersistentVolumeSource,
  ISCSIVolumeSource,
  NFSVolumeSource,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  QuobyteVolumeSource,
  RBDVolumeSource,
  ScaleIOVolumeSource,
  StorageOSPersistentVolumeSource,
  StorageOSVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { absolutePath, staysInside } from '../paths.ts';
import { among, type Check, maybe, needed, structOf, unlessEmpty } from '../rule-table.ts';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const MAX_DRIVER = 63;

export const between =
  (min: number, max: number): Check<number> =>
  (value, field) =>
    value >= min && value <= max ? [] : [invalid(field, value, `must be between ${min} and ${max}, inclusive`)];

/** Upstream takes 0 and says 1. */
const partition: Check<number> = (value, field) =>
  value >= 0 && value <= 255 ? [] : [invalid(field, value, 'must be between 1 and 255, inclusive')];

const label: Check<string> = (text, field) => named(dns1123LabelErrors, text, field);

export const nfs = structOf<NFSVolumeSource>({
  server: needed(),
  path: (path = '', field) => [...(path ? [] : [required(field)]), ...absolutePath(path, field)],
});

export const gcePersistentDisk = structOf<GCEPersistentDiskVolumeSource>({
  pdName: needed(),
  partition: maybe(partition),
});
export const awsElasticBlockStore = structOf<AWSElasticBlockStoreVolumeSource>({
  volumeID: needed(),
  partition: maybe(partition),
});
export const vsphereVolume = structOf<VsphereVirtualDiskVolumeSource>({ volumePath: needed() });
export const photonPersistentDisk = structOf<PhotonPersistentDiskVolumeSource>({ pdID: needed() });
export const portworxVolume = structOf<PortworxVolumeSource>({ volumeID: needed() });
export const cephfs = structOf<Pick<CephFSVolumeSource, 'monitors'>>({ monitors: needed() });
export const rbd = structOf<Pick<RBDVolumeSource, 'monitors' | 'image'>>({ monitors: needed(), image: needed() });
export const scaleIO = structOf<Pick<ScaleIOVolumeSource, 'gateway' | 'system' | 'volumeName'>>({
  gateway: needed(),
  system: needed(),
  volumeName: needed(),
});

export const cinder = structOf<CinderVolumeSource>({
  volumeID: needed(),
  secretRef: maybe(structOf<{ name?: string }>({ name: needed() })),
});
export const cinderPersistent = structOf<CinderPersistentVolumeSource>({
  volumeID: needed(),
  secretRef: maybe(structOf<{ name?: string; namespace?: string }>({ name: needed(), namespace: needed() })),
});
export const storageos = structOf<StorageOSVolumeSource>({
  volumeName: needed(label),
  volumeNamespace: unlessEmpty(label),
  secretRef: maybe(structOf<{ name?: string }>({ name: needed() })),
});
export const storageosPersistent = structOf<StorageOSPersistentVolumeSource>({
  volumeName: needed(label),
  volumeNamespace: unlessEmpty(label),
  secretRef: maybe(structOf<{ name?: string; namespace?: string }>({ name: needed(), namespace: needed() })),
});

export function hostPath({ path, type }: HostPathVolumeSource, field: string): FieldError[] {
  if (!path) return [required(`${field}.path`)];
  return [...staysInside(path, `${field}.path`), ...maybe(among(...HOST_PATH_TYPES))(type, `${field}.type`)];
}

const NAMES_OF_ISCSI = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
] as const;

/** `vague`: a PersistentVolume does not say which beginnings there are. */
function iscsiName(name: string, field: string, vague: string): FieldError[] {
  const known = NAMES_OF_ISCSI.find(([prefix]) => name.startsWith(prefix));
  if (!known) return [invalid(field, name, vague)];
  return known[1].test(name) ? [] : [invalid(field, name, 'must be valid format')];
}

export function iscsi(source: ISCSIVolumeSource, field: string): FieldError[] {
  return iscsiTarget(source, field, 'must be valid format starting with iqn, eui, or naa');
}

export function iscsiPersistent(source: ISCSIPersistentVolumeSource, field: string): FieldError[] {
  return iscsiTarget(source, field, 'must be valid format');
}

function iscsiTarget(
  { targetPortal, iqn, lun, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName }: ISCSIVolumeSource,
  field: string,
  vague: string,
): FieldError[] {
  const errors = targetPortal ? [] : [required(`${field}.targetPortal`)];
  if (!iqn) errors.push(required(`${field}.iqn`));
  else errors.push(...iscsiName(iqn, `${field}.iqn`, vague));
  errors.push(...between(0, 255)(lun ?? 0, `${field}.lun`));
  if ((chapAuthDiscovery || chapAuthSession) && !secretRef) errors.push(required(`${field}.secretRef`));
  if (initiatorName !== undefined) errors.push(...iscsiName(initiatorName, `${field}.initiatorname`, vague));
  return errors;
}

export function fc({ targetWWNs = [], wwids = [], lun }: FCVolumeSource, field: string): FieldError[] {
  const at = `${field}.targetWWNs`;
  if (targetWWNs.length === 0) {
    return wwids.length > 0 ? [] : [required(at, 'must specify either targetWWNs or wwids, but not both')];
  }
  const errors =
    wwids.length > 0 ? [invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously')] : [];
  if (lun === undefined) return [...errors, required(`${field}.lun`, 'lun is required if targetWWNs is specified')];
  return [...errors, ...between(0, 255)(lun, `${field}.lun`)];
}

export function quobyte({ registry = '', tenant = '', volume }: QuobyteVolumeSource, field: string): FieldError[] {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas';
  const errors: FieldError[] = [];
  if (!registry) errors.push(required(`${field}.registry`, pairs));
  else if (tenant.length > 64) {
    errors.push(required(`${field}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    const odd = registry.split(',').filter((pair) => !/^([^:[\]]*|\[[^\]]*\]):[^:]*$/.test(pair));
    errors.push(...odd.map(() => invalid(`${field}.registry`, registry, pairs)));
  }
  return volume ? errors : [...errors, required(`${field}.volume`)];
}

export function flocker({ datasetName = '', datasetUUID = '' }: FlockerVolumeSource, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!datasetName && !datasetUUID) errors.push(required(field, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) {
    errors.push(invalid(field, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName.includes('/')) errors.push(invalid(`${field}.datasetName`, datasetName, "must not contain '/'"));
  return errors;
}

export function flexVolume(
  { driver, options = {} }: FlexVolumeSource | FlexPersistentVolumeSource,
  field: string,
): FieldError[] {
  const errors = driver ? [] : [required(`${field}.driver`)];
  for (const key of Object.keys(options)) {
    const namespace = `.${key.split('/')[0].toLowerCase()}`;
    if (!namespace.endsWith('.kubernetes.io') && !namespace.endsWith('.k8s.io')) continue;
    errors.push(invalid(`${field}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
  return errors;
}

const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

const azureDiskFields = structOf<AzureDiskVolumeSource>({
  diskName: needed(),
  diskURI: needed(),
  cachingMode: maybe(among('None', 'ReadOnly', 'ReadWrite')),
  kind: maybe(among('Dedicated', 'Managed', 'Shared')),
});

export function azureDisk(disk: AzureDiskVolumeSource, field: string): FieldError[] {
  const { kind, diskURI = '' } = disk;
  const [prefix, shape] = kind === 'Managed' ? ['/subscriptions/', MANAGED_URI] : ['https://', BLOB_URI];
  const isOdd = kind !== undefined && !diskURI.startsWith(prefix);
  return [...azureDiskFields(disk, field), ...(isOdd ? [notSupported(`${field}.diskURI`, diskURI, [shape])] : [])];
}

/** The name of a CSI driver: a DNS name in either case, of 63 bytes at most. */
export function csiDriverName(name: string | undefined, field: string): FieldError[] {
  if (!name) return [required(field)];
  return [
    ...(name.length > MAX_DRIVER ? [tooLong(field, MAX_DRIVER)] : []),
    ...dns1123SubdomainErrors(name.toLowerCase()).map((error) => invalid(field, name, error)),
  ];
}
