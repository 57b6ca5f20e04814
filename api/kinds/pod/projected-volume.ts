// Volumes whose files come from other objects: ConfigMaps, Secrets, the pod itself, tokens and certificates
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, required } from '../../field.ts';
import { validateAnnotations } from '../../metadata.ts';
import { dns1123SubdomainErrors } from '../../selectors/syntax.ts';
import type {
  ClusterTrustBundleProjection,
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from '../../types/core.v1.ts';
import { labelSelector } from '../checks.ts';
import { fileMode, unreservedPath } from '../paths.ts';
import { among, each, maybe, needed, structOf } from '../rule-table.ts';
import { signerName } from '../signer-name.ts';
import { FIELDS_IN_FILES, fieldSelector, resourceSelector } from './downward-api.ts';

const MAX_TOKEN_SECONDS = 2 ** 32;
const MIN_CERTIFICATE_SECONDS = 3600;
const MAX_CERTIFICATE_SECONDS = 91 * 86400;
const MAX_KUBERNETES_CERTIFICATE_SECONDS = 86400;

const keyToPath = structOf<KeyToPath>({
  key: needed(),
  path: (path = '', field) => [...(path ? [] : [required(field)]), ...unreservedPath(path, field)],
  mode: maybe(fileMode),
});

export const secretVolume = structOf<SecretVolumeSource>({
  secretName: needed(),
  defaultMode: maybe(fileMode),
  items: each(keyToPath),
});

export const configMapVolume = structOf<ConfigMapVolumeSource>({
  name: needed(),
  defaultMode: maybe(fileMode),
  items: each(keyToPath),
});

/** Upstream does not say which file of the list. */
export function downwardApiVolume({ defaultMode, items = [] }: DownwardAPIVolumeSource, field: string): FieldError[] {
  return [
    ...maybe(fileMode)(defaultMode, `${field}.defaultMode`),
    ...items.flatMap((file) => downwardFile(file, field)),
  ];
}

function downwardFile(
  { path = '', fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile,
  field: string,
): FieldError[] {
  const errors = path ? [] : [required(`${field}.path`)];
  errors.push(...unreservedPath(path, `${field}.path`));
  if (fieldRef) {
    errors.push(...fieldSelector(fieldRef, FIELDS_IN_FILES, `${field}.fieldRef`));
    if (resourceFieldRef) {
      errors.push(invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (resourceFieldRef) {
    errors.push(...resourceSelector(resourceFieldRef, 'file', `${field}.resourceFieldRef`));
  } else errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...maybe(fileMode)(mode, `${field}.mode`)];
}

export function projectedVolume({ defaultMode, sources }: ProjectedVolumeSource, field: string): FieldError[] {
  const errors = maybe(fileMode)(defaultMode, `${field}.defaultMode`);
  const taken = new Set<string>();
  const all = (sources ?? []).flatMap((source, i) => {
    const at = `${field}.sources[${i}]`;
    const found = projection(source, at, field, taken);
    if (Object.keys(source).length < 2) return found;
    return [...found, forbidden(at, 'may not specify more than 1 volume type per source')];
  });
  return [...errors, ...all];
}

/** `taken`: the paths of the whole volume so far. */
function projection(source: VolumeProjection, at: string, volume: string, taken: Set<string>): FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const errors: FieldError[] = [];
  const take = (path: string | undefined, said: string | undefined = path): void => {
    if (path === undefined) return;
    if (taken.has(path)) errors.push(invalid(volume, said ?? '', 'conflicting duplicate paths'));
    taken.add(path);
  };
  for (const [kind, keys] of [
    ['secret', secret],
    ['configMap', configMap],
  ] as const) {
    if (!keys) continue;
    if (!keys.name) errors.push(required(`${at}.${kind}.name`));
    for (const [i, item] of (keys.items ?? []).entries()) {
      errors.push(...keyToPath(item, `${at}.${kind}.items[${i}]`));
      if (item.path) take(item.path, keys.name);
    }
  }
  for (const file of downwardAPI?.items ?? []) {
    errors.push(...downwardFile(file, `${at}.downwardAPI`));
    if (file.path) take(file.path);
  }
  if (serviceAccountToken) errors.push(...tokenFile(serviceAccountToken, `${at}.serviceAccountToken`, volume));
  if (clusterTrustBundle) {
    errors.push(...trustBundle(clusterTrustBundle, `${at}.clusterTrustBundle`));
    take(clusterTrustBundle.path ?? '');
  }
  if (podCertificate) errors.push(...certificate(podCertificate, `${at}.podCertificate`, take));
  return errors;
}

function tokenFile(
  { expirationSeconds = 0, path }: ServiceAccountTokenProjection,
  field: string,
  volume: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${field}.expirationSeconds`;
  if (expirationSeconds < 600) {
    errors.push(invalid(at, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  }
  if (expirationSeconds > MAX_TOKEN_SECONDS) {
    errors.push(invalid(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  return [...errors, ...needed(unreservedPath)(path, `${volume}.path`)];
}

function trustBundle(bundle: ClusterTrustBundleProjection, field: string): FieldError[] {
  const { name, signerName: signer, path } = bundle;
  return [
    ...(name !== undefined || signer !== undefined
      ? trustBundleSource(bundle, field)
      : [required(field, 'either name or signerName must be specified')]),
    ...(path ? [] : [required(`${field}.path`)]),
    ...unreservedPath(path ?? '', `${field}.path`),
  ];
}

function trustBundleSource(bundle: ClusterTrustBundleProjection, field: string): FieldError[] {
  const { name, signerName: signer, labelSelector: selector } = bundle;
  if (name !== undefined && signer !== undefined) {
    return [invalid(field, bundle, 'only one of name and signerName may be used')];
  }
  const at = `${field}.${name === undefined ? 'signerName' : 'name'}`;
  if (name === undefined) {
    const errors = signer ? [] : [required(at, 'must be a valid signer name')];
    return [...errors, ...signerName(signer ?? '', at), ...labelSelector(selector, `${field}.labelSelector`)];
  }
  const errors = name ? [] : [required(at, 'must be a valid object name')];
  // What stands before the last colon is the signer's name.
  for (const error of dns1123SubdomainErrors(name.slice(name.lastIndexOf(':') + 1))) {
    errors.push(invalid(at, name, `not a valid clustertrustbundlename: ${error}`));
  }
  if (!selector) return errors;
  return [...errors, invalid(`${field}.labelSelector`, selector, 'labelSelector must be unset if name is specified')];
}

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const CERTIFICATE_PATHS = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;

function certificate(source: PodCertificateProjection, field: string, take: (path: string) => void): FieldError[] {
  const { maxExpirationSeconds: seconds, signerName: signer = '' } = source;
  const errors = signerName(signer, `${field}.signerName`);
  errors.push(...validateAnnotations(source.userAnnotations, `${field}.userAnnotations`));
  errors.push(...among(...KEY_TYPES)(source.keyType ?? '', `${field}.keyType`));
  const isOwn = signer.startsWith('kubernetes.io/');
  const max = isOwn ? MAX_KUBERNETES_CERTIFICATE_SECONDS : MAX_CERTIFICATE_SECONDS;
  const limit = (why: string): FieldError =>
    invalid(`${field}.maxExpirationSeconds`, seconds, `if provided, maxExpirationSeconds must be ${why}`);
  if (seconds !== undefined && seconds < MIN_CERTIFICATE_SECONDS) errors.push(limit(`>= ${MIN_CERTIFICATE_SECONDS}`));
  if (seconds !== undefined && seconds > max) errors.push(limit(`<= ${max}`));
  const paths = CERTIFICATE_PATHS.filter((name) => source[name]);
  for (const name of paths) {
    errors.push(...unreservedPath(source[name]!, `${field}.${name}`));
    take(source[name]!);
  }
  if (paths.length > 0) return errors;
  const why = 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath';
  return [...errors, required(field, why)];
}
