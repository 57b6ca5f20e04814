// What a PersistentVolume says of its storage, one of its own or one that a VolumeAttachment carries
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, notSupported, required, sortedMap } from '../field.ts';
import { parseQuantity } from '../quantity.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';
import type {
  AzureFilePersistentVolumeSource,
  CSIPersistentVolumeSource,
  GlusterfsPersistentVolumeSource,
  LocalVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
  VolumeNodeAffinity,
} from '../types/core.v1.ts';
import { named } from './checks.ts';
import { staysInside } from './paths.ts';
import { validateNodeSelector } from './pod/node-selector.ts';
import * as source from './pod/volume-source.ts';
import { ONE_VOLUME } from './pod/volumes.ts';
import { among, type Check, type Member, maybe, memberOf, needed, structOf, unlessEmpty } from './rule-table.ts';
import { accessModes, className, positiveQuantity, volumeMode } from './volume-claim.ts';

const secretReference = maybe(
  structOf<SecretReference>({
    name: needed((name, field) => named(dns1123SubdomainErrors, name, field)),
    namespace: needed((name, field) => named(dns1123LabelErrors, name, field)),
  }),
);

const endpointsNamespace: Check<string> = (name, field) => {
  if (name) return named(dns1123LabelErrors, name, field);
  return [invalid(field, name, 'if the endpointnamespace is set, it must be a valid namespace name')];
};

const MEMBERS: ReadonlyArray<Member<PersistentVolumeSpec>> = [
  { of: 'hostPath', check: source.hostPath },
  { of: 'gcePersistentDisk', check: source.gcePersistentDisk, innerName: 'persistentDisk' },
  { of: 'awsElasticBlockStore', check: source.awsElasticBlockStore },
  {
    of: 'glusterfs',
    check: structOf<GlusterfsPersistentVolumeSource>({
      endpoints: needed(),
      path: needed(),
      endpointsNamespace: maybe(endpointsNamespace),
    }),
  },
  { of: 'flocker', check: source.flocker },
  { of: 'nfs', check: source.nfs },
  { of: 'rbd', check: source.rbd },
  { of: 'quobyte', check: source.quobyte },
  { of: 'cephfs', check: source.cephfs, extraName: 'cephFS' },
  { of: 'iscsi', check: source.iscsiPersistent },
  { of: 'cinder', check: source.cinderPersistent },
  { of: 'fc', check: source.fc },
  { of: 'flexVolume', check: source.flexVolume, isForgotten: true },
  {
    of: 'azureFile',
    check: structOf<AzureFilePersistentVolumeSource>({
      secretName: needed(),
      shareName: needed(),
      secretNamespace: (name, field) => (name === '' ? [required(field)] : []),
    }),
  },
  { of: 'vsphereVolume', check: source.vsphereVolume },
  { of: 'photonPersistentDisk', check: source.photonPersistentDisk },
  { of: 'portworxVolume', check: source.portworxVolume },
  { of: 'azureDisk', check: source.azureDisk },
  { of: 'scaleIO', check: source.scaleIO },
  { of: 'local', check: structOf<LocalVolumeSource>({ path: needed(staysInside) }) },
  { of: 'storageos', check: source.storageosPersistent },
  {
    of: 'csi',
    check: structOf<CSIPersistentVolumeSource>({
      driver: source.csiDriverName,
      volumeHandle: needed(),
      controllerPublishSecretRef: secretReference,
      controllerExpandSecretRef: secretReference,
      nodePublishSecretRef: secretReference,
      nodeExpandSecretRef: secretReference,
    }),
  },
];

const validateSource = memberOf<PersistentVolumeSpec>(MEMBERS, ONE_VOLUME);

export function validateVolumeSpec(spec: PersistentVolumeSpec, field: string): FieldError[] {
  return [
    ...accessModes(spec.accessModes, `${field}.accessModes`),
    ...capacity(spec.capacity ?? {}, `${field}.capacity`),
    ...maybe(among('Delete', 'Recycle', 'Retain'))(
      spec.persistentVolumeReclaimPolicy,
      `${field}.persistentVolumeReclaimPolicy`,
    ),
    ...maybe(nodeAffinity)(spec.nodeAffinity, `${field}.nodeAffinity`),
    ...validateStorage(spec, field),
    ...unlessEmpty(className)(spec.storageClassName, `${field}.storageClassName`),
    ...volumeMode(spec.volumeMode, `${field}.volumeMode`),
    ...validateAttributes(spec, field),
  ];
}

/** What a VolumeAttachment carries belongs to a pod: much is settled then. */
export function validateInlineVolume(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const settled = 'may not be specified in the context of inline volumes';
  const errors: FieldError[] = [];
  if (spec.claimRef) errors.push(forbidden(`${field}.claimRef`, settled));
  if (Object.keys(spec.capacity ?? {}).length > 0) errors.push(forbidden(`${field}.capacity`, settled));
  if (!spec.csi) errors.push(required(`${field}.csi`, 'has to be specified in the context of inline volumes'));
  errors.push(...accessModes(spec.accessModes, `${field}.accessModes`));
  if (spec.persistentVolumeReclaimPolicy !== 'Retain') {
    const why = 'may only be Retain in the context of inline volumes';
    errors.push(forbidden(`${field}.persistentVolumeReclaimPolicy`, why));
  }
  if (spec.nodeAffinity) errors.push(forbidden(`${field}.nodeAffinity`, settled));
  errors.push(...validateStorage(spec, field));
  if (spec.storageClassName) errors.push(forbidden(`${field}.storageClassName`, settled));
  if (spec.volumeMode === undefined || spec.volumeMode === 'Filesystem') return errors;
  const why = 'may not specify volumeMode other than Filesystem in the context of inline volumes';
  return [...errors, forbidden(`${field}.volumeMode`, why)];
}

/** One storage, and what goes with it. */
function validateStorage(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const errors = validateSource(spec, field);
  if (spec.local && !spec.nodeAffinity && isFirst(spec, 'local')) {
    errors.push(required(`${field}.nodeAffinity`, 'Local volume requires node affinity'));
  }
  const isRoot = spec.hostPath?.path !== undefined && /^\/(\.?\/)*\.?$/.test(spec.hostPath.path);
  if (!isRoot || spec.persistentVolumeReclaimPolicy !== 'Recycle') return errors;
  const why = "may not be 'recycle' for a hostPath mount of '/'";
  return [...errors, forbidden(`${field}.persistentVolumeReclaimPolicy`, why)];
}

function isFirst(spec: PersistentVolumeSpec, name: keyof PersistentVolumeSpec): boolean {
  return MEMBERS.find(({ of }) => spec[of] !== undefined)?.of === name;
}

function capacity(amounts: Readonly<Record<string, unknown>>, field: string): FieldError[] {
  const names = Object.keys(amounts);
  const errors = names.length === 0 ? [required(field)] : [];
  if (!('storage' in amounts) || names.length > 1) {
    errors.push(notSupported(field, names.length > 0 ? sortedMap(amounts) : null, ['storage']));
  }
  return [...errors, ...names.flatMap((name) => amount(amounts[name], `${field}[${name}]`))];
}

/** What is below nothing is no quantity, and not positive either. */
function amount(quantity: unknown, field: string): FieldError[] {
  const parsed = parseQuantity(String(quantity));
  const errors = parsed.nanos < 0n ? [invalid(field, parsed.value, 'must be a valid resource quantity')] : [];
  return [...errors, ...positiveQuantity(quantity, field)];
}

function nodeAffinity({ required: selector }: VolumeNodeAffinity, field: string): FieldError[] {
  if (selector) return validateNodeSelector(selector, `${field}.required`);
  return [required(`${field}.required`, 'must specify required node constraints')];
}

function validateAttributes(
  { volumeAttributesClassName: name, csi }: PersistentVolumeSpec,
  field: string,
): FieldError[] {
  if (name === undefined) return [];
  const at = `${field}.volumeAttributesClassName`;
  const errors = name ? className(name, at) : [required(at, 'an empty string is disallowed')];
  if (csi) return errors;
  return [...errors, required(`${field}.csi`, 'has to be specified when using volumeAttributesClassName')];
}
