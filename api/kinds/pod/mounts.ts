// Where a container sees the pod's volumes: as folders and as block devices (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, notFound, notSupported, required } from '../../field.ts';
import type { Container, Volume, VolumeDevice, VolumeMount } from '../../types/core.v1.ts';
import { relativePath } from '../paths.ts';

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const READ_ONLYS = ['Disabled', 'Enabled', 'IfPossible'];

export type Volumes = ReadonlyMap<string, Volume>;

export function validateMounts(container: Container, volumes: Volumes, field: string): FieldError[] {
  const { volumeMounts = [], volumeDevices = [] } = container;
  const paths = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, { name = '', mountPath = '' }] of volumeMounts.entries()) {
    const at = `${field}[${i}]`;
    if (!name) errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFound(`${at}.name`, name));
    if (!mountPath) errors.push(required(`${at}.mountPath`));
    if (paths.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    if (volumeDevices.some((device) => device.name === name)) {
      errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'));
    }
    if (volumeDevices.some((device) => device.devicePath === mountPath)) {
      errors.push(invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'));
    }
    const odd = validateWays(volumeMounts[i], container, field, at);
    if (odd.length > 0) errors.push(...odd);
  }
  return errors;
}

/** What is not right inside a mount, upstream says of the list: only `subPathExpr` beside `subPath` is told by its place. */
function validateWays(mount: VolumeMount, container: Container, field: string, at: string): FieldError[] {
  const { subPath, subPathExpr, mountPropagation, recursiveReadOnly } = mount;
  const errors = subPath ? relativePath(subPath, `${field}.subPath`) : [];
  if (subPathExpr) {
    if (subPath) {
      errors.push(invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    }
    errors.push(...relativePath(subPathExpr, `${field}.subPathExpr`));
  }
  if (mountPropagation !== undefined) {
    errors.push(...propagation(mountPropagation, container, `${field}.mountPropagation`));
  }
  if (recursiveReadOnly !== undefined) errors.push(...recursive(mount, `${field}.recursiveReadOnly`));
  return errors;
}

function propagation(way: string, { securityContext }: Container, field: string): FieldError[] {
  const errors = PROPAGATIONS.includes(way) ? [] : [notSupported(field, way, PROPAGATIONS)];
  if (way !== 'Bidirectional' || securityContext?.privileged) return errors;
  return [forbidden(field, 'Bidirectional mount propagation is available only to privileged containers')];
}

function recursive({ readOnly, mountPropagation, recursiveReadOnly: way }: VolumeMount, field: string): FieldError[] {
  if (way === 'Disabled') return [];
  if (!READ_ONLYS.includes(way!)) return [notSupported(field, way, READ_ONLYS)];
  const errors = readOnly ? [] : [forbidden(field, 'may only be specified when readOnly is true')];
  if (mountPropagation === undefined || mountPropagation === 'None') return errors;
  return [...errors, forbidden(field, 'may only be specified when mountPropagation is None or not specified')];
}

export function validateDevices(
  { volumeDevices = [], volumeMounts = [] }: Container,
  volumes: Volumes,
  field: string,
): FieldError[] {
  const taken = { names: new Set<string>(), paths: new Set<string>() };
  return volumeDevices.flatMap((device, i) => [
    ...validateDevice(device, volumes, taken, `${field}[${i}]`),
    ...overlaps(device, volumeMounts, `${field}[${i}]`),
  ]);
}

function validateDevice(
  { name = '', devicePath: path = '' }: VolumeDevice,
  volumes: Volumes,
  taken: { readonly names: Set<string>; readonly paths: Set<string> },
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const volume = volumes.get(name);
  if (!name) errors.push(required(`${field}.name`));
  if (taken.names.has(name)) errors.push(invalid(`${field}.name`, name, 'must be unique'));
  if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
    const why = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
    errors.push(invalid(`${field}.name`, name, why));
  }
  if (!volume) errors.push(notFound(`${field}.name`, name));
  if (!path) errors.push(required(`${field}.devicePath`));
  if (taken.paths.has(path)) errors.push(invalid(`${field}.devicePath`, path, 'must be unique'));
  if (path.split('/').includes('..')) {
    errors.push(invalid(`${field}.devicePath`, path, "can not contain backsteps ('..')"));
  } else taken.paths.add(path);
  if (name) taken.names.add(name);
  return errors;
}

function overlaps(
  { name, devicePath: path }: VolumeDevice,
  mounts: readonly VolumeMount[],
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (mounts.some((mount) => mount.name === name)) {
    errors.push(invalid(`${field}.name`, name, 'must not already exist in volumeMounts'));
  }
  if (mounts.some((mount) => mount.mountPath === path)) {
    errors.push(invalid(`${field}.devicePath`, path, 'must not already exist as a path in volumeMounts'));
  }
  return errors;
}
