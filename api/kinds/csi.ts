// CSIDriver, CSINode, CSIStorageCapacity and VolumeAttachment of storage.k8s.io/v1: what storage drivers say of themselves
// (k8s.io/kubernetes v1.36 pkg/apis/storage).
import { duplicate, type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../field.ts';
import type { Rules } from '../kind.ts';
import { parseQuantity } from '../quantity.ts';
import { dns1123SubdomainErrors, qualifiedNameErrors } from '../selectors/syntax.ts';
import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttachmentStatus,
  VolumeError,
} from '../types/storage.v1.ts';
import { immutable, labelSelector, NOT_NEGATIVE, named, nonNegative } from './checks.ts';
import { attachmentCells, driverCells, nodeDriversCells } from './csi-cells.ts';
import { countGeneration } from './generation.ts';
import { validateInlineVolume } from './persistentvolume-validation.ts';
import { csiDriverName } from './pod/volume-source.ts';
import { among, maybe } from './rule-table.ts';
import { keepMetadata } from './status-update.ts';
import { without } from './workload.ts';

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const MAX_NODE_ID = 256;
/** In bytes. */
const MAX_METADATA = 256 * 1024;
const MAX_MESSAGE = 1024;

export const csiDriver: Rules<CSIDriver> = {
  deleteAnswersObject: true,
  conditionalUpdateOnly: true,

  default({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },

  prepareForCreate: dropDisabled,

  prepareForUpdate(object, old) {
    dropDisabled(object);
    countGeneration(object, old);
  },

  validate: ({ spec }) => validateDriver(spec, 'spec'),

  validateUpdate: ({ spec }, { spec: old }) => [
    ...immutable(spec.attachRequired, old.attachRequired, 'spec.attachedRequired'),
    ...immutable(spec.volumeLifecycleModes, old.volumeLifecycleModes, 'spec.volumeLifecycleModes'),
  ],

  cells: driverCells,
};

/** A field of a feature that is off by default (VolumeLimitScaling): nobody gets it stored. */
function dropDisabled({ spec }: CSIDriver): void {
  delete spec.preventPodSchedulingIfMissing;
}

function validateDriver(spec: CSIDriverSpec, field: string): FieldError[] {
  const { nodeAllocatableUpdatePeriodSeconds: period, tokenRequests = [], volumeLifecycleModes = [] } = spec;
  const modes = ['Persistent', 'Ephemeral'];
  return [
    ...maybe(among('File', 'None', 'ReadWriteOnceWithFSType'))(spec.fsGroupPolicy, `${field}.fsGroupPolicy`),
    ...validateTokens(tokenRequests, `${field}.tokenRequests`),
    ...volumeLifecycleModes
      .filter((mode) => !modes.includes(mode))
      .map((mode) => notSupported(`${field}.volumeLifecycleModes`, mode, modes)),
    ...(period !== undefined && period < 10
      ? [invalid(`${field}.nodeAllocatableUpdatePeriodSeconds`, period, 'must be greater than or equal to 10 seconds')]
      : []),
    ...(spec.serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0
      ? [invalid(`${field}.serviceAccountTokenInSecrets`, spec.serviceAccountTokenInSecrets, NO_TOKENS)]
      : []),
  ];
}

const NO_TOKENS = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';

function validateTokens(requests: NonNullable<CSIDriverSpec['tokenRequests']>, field: string): FieldError[] {
  const taken = new Set<string>();
  return requests.flatMap(({ audience = '', expirationSeconds: seconds }, i) => {
    if (taken.has(audience)) return [duplicate(`${field}[${i}].audience`, audience)];
    taken.add(audience);
    if (seconds === undefined) return [];
    const refuse = (why: string): FieldError[] => [
      invalid(`${field}[${i}].expirationSeconds`, seconds, `may not specify a duration ${why}`),
    ];
    if (seconds < MIN_TOKEN_SECONDS) return refuse('less than 10 minutes');
    return seconds > MAX_TOKEN_SECONDS ? refuse('larger than 2^32 seconds') : [];
  });
}

export const csiNode: Rules<CSINode> = {
  deleteAnswersObject: true,
  conditionalUpdateOnly: true,

  validate({ spec }) {
    const taken = new Set<string>();
    return (spec.drivers ?? []).flatMap((driver, i) => {
      const field = `spec.drivers[${i}]`;
      const errors = validateNodeDriver(driver, field);
      if (taken.has(driver.name)) errors.push(duplicate(`${field}.name`, driver.name));
      taken.add(driver.name);
      return [...errors, ...validateTopology(driver.topologyKeys ?? [], field)];
    });
  },

  validateUpdate: ({ spec }, { spec: old }) =>
    (old.drivers ?? []).flatMap((before) => {
      const driver = spec.drivers?.find(({ name }) => name === before.name);
      return driver
        ? immutable(without(driver, ['allocatable']), without(before, ['allocatable']), 'spec.drivers')
        : [];
    }),

  cells: nodeDriversCells,
};

function validateNodeDriver({ name, nodeID = '', allocatable }: CSINodeDriver, field: string): FieldError[] {
  const errors = csiDriverName(name, `${field}.name`);
  if (!nodeID) errors.push(required(`${field}.nodeID`));
  if (nodeID.length > MAX_NODE_ID) {
    errors.push(invalid(`${field}.nodeID`, nodeID, `must be ${MAX_NODE_ID} characters or less`));
  }
  return [...errors, ...nonNegative(allocatable?.count, `${field}.allocatable.count`)];
}

function validateTopology(keys: readonly string[], field: string): FieldError[] {
  return keys.flatMap((key, i) => [
    ...(key ? [] : [required(field)]),
    ...(keys.indexOf(key) < i ? [duplicate(field, key)] : []),
    ...named(qualifiedNameErrors, key, field),
  ]);
}

export const csiStorageCapacity: Rules<CSIStorageCapacity> = {
  conditionalUpdateOnly: true,

  validate({ nodeTopology, storageClassName, capacity }) {
    const errors = labelSelector(nodeTopology, 'nodeTopology');
    errors.push(...named(dns1123SubdomainErrors, storageClassName ?? '', 'storageClassName'));
    if (capacity === undefined || parseQuantity(String(capacity)).nanos >= 0n) return errors;
    return [...errors, invalid('capacity', capacity, NOT_NEGATIVE)];
  },

  validateUpdate: (object, old) => [
    ...immutable(object.nodeTopology, old.nodeTopology, 'nodeTopology'),
    ...immutable(object.storageClassName, old.storageClassName, 'storageClassName'),
  ],
};

export const volumeAttachment: Rules<VolumeAttachment> = {
  deleteAnswersObject: true,
  conditionalUpdateOnly: true,

  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
  },

  validate({ spec, status }) {
    const { attacher, source = {}, nodeName = '' } = spec;
    const name = source.persistentVolumeName;
    return [
      ...csiDriverName(attacher, 'spec.attacher'),
      ...validateSource(source, 'spec.source'),
      ...named(dns1123SubdomainErrors, nodeName, 'spec.nodeName'),
      ...(status ? validateStatus(status) : []),
      ...(name === undefined ? [] : named(dns1123SubdomainErrors, name, 'spec.source.persistentVolumeName')),
    ];
  },

  validateUpdate: (object, old) => immutable(object.spec, old.spec, 'spec'),

  cells: attachmentCells,
};

const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

function validateSource(
  { inlineVolumeSpec, persistentVolumeName: name }: VolumeAttachmentSource,
  field: string,
): FieldError[] {
  if (inlineVolumeSpec) {
    if (name !== undefined) return [forbidden(field, ONE_SOURCE)];
    return validateInlineVolume(inlineVolumeSpec, `${field}.inlineVolumeSpec`);
  }
  if (name === undefined) return [required(field, ONE_SOURCE)];
  return name ? [] : [required(`${field}.persistentVolumeName`, 'must specify non empty persistentVolumeName')];
}

function validateStatus({ attachmentMetadata = {}, attachError, detachError }: VolumeAttachmentStatus): FieldError[] {
  const size = Object.entries(attachmentMetadata).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return [
    ...(size > MAX_METADATA ? [tooLong('status.attachmentMetadata', MAX_METADATA)] : []),
    ...maybe(volumeError)(attachError, 'status.attachError'),
    ...maybe(volumeError)(detachError, 'status.detachError'),
  ];
}

/** Too long a message is refused in the words of too much metadata. */
function volumeError({ message = '', errorCode }: VolumeError, field: string): FieldError[] {
  const errors = message.length > MAX_MESSAGE ? [tooLong(`${field}.message`, MAX_METADATA)] : [];
  if (errorCode === undefined || errorCode >= 0) return errors;
  return [...errors, invalid(`${field}.errorCode`, errorCode, 'must be between 0 and 2147483647, inclusive')];
}
