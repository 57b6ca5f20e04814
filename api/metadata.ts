// What every object's metadata must look like, and what of it may change
// (k8s.io/apimachinery v0.36 pkg/api/validation/objectmeta.go).
import { type FieldError, forbidden, invalid, required, tooLong } from './field.ts';
import { formatAddress, parseAddress } from './ip.ts';
import type { Kind } from './kind.ts';
import { isEqual, type KubeObject, type ObjectMeta } from './object.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  labelValueErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
} from './selectors/syntax.ts';

/** In bytes, keys and values of all annotations together. */
const MAX_ANNOTATIONS = 256 * 1024;
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_GENERATED = 63 - SUFFIX_LENGTH;
/** In bytes. */
const MAX_MANAGER = 128;
const MAX_SUBRESOURCE = 256;
const PLAIN = /^[\x20-\x7e]{0,128}$/;
const PRINTABLE = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

type NameRule = (name: string) => string[];

/** Kinds whose names are held to another rule than RFC 1123 subdomains. */
const NAME_RULES: Readonly<Record<string, NameRule>> = {
  '/Service': dns1123LabelErrors,
  '/Namespace': dns1123LabelErrors,
  'rbac.authorization.k8s.io/Role': pathSegmentErrors,
  'rbac.authorization.k8s.io/RoleBinding': pathSegmentErrors,
  'rbac.authorization.k8s.io/ClusterRole': pathSegmentErrors,
  'rbac.authorization.k8s.io/ClusterRoleBinding': pathSegmentErrors,
  'networking.k8s.io/IPAddress': addressNameErrors,
  'certificates.k8s.io/CertificateSigningRequest': pathSegmentErrors,
  'apiregistration.k8s.io/APIService': pathSegmentErrors,
  // Upstream looks no closer at these two.
  '/Event': pathSegmentErrors,
  'policy/PodDisruptionBudget': pathSegmentErrors,
  'apps/StatefulSet': dns1123LabelErrors,
};

/** Kinds of whose generateName upstream reads nothing, once there is a name. */
const PREFIX_UNREAD = new Set(['ReplicationController', 'DeviceClass']);

/** Kinds, and whole groups, whose finalizers need no domain. */
const PLAIN_FINALIZERS = new Set([
  '/Event',
  'policy/PodDisruptionBudget',
  'coordination.k8s.io/Lease',
  'admissionregistration.k8s.io',
  'node.k8s.io',
]);

/** An address in the one form it is printed in. */
function addressNameErrors(name: string): string[] {
  const parsed = parseAddress(name);
  if (parsed) return formatAddress(parsed) === name ? [] : [`must be in canonical form ("${formatAddress(parsed)}")`];
  const hasLeadingZeros = name.split('.').length === 4 && parseAddress(name.replace(/(^|\.)0+(?=\d)/g, '$1'));
  return [
    hasLeadingZeros ? 'must not have leading 0s' : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ];
}

/** What is wrong with `name` for an object of this kind. */
function nameErrors(kind: Pick<Kind, 'group' | 'kind'>, name: string): string[] {
  return (NAME_RULES[`${kind.group}/${kind.kind}`] ?? dns1123SubdomainErrors)(name);
}

/** Of an object about to be created or updated; the name is set by then. */
export function validateMetadata(kind: Pick<Kind, 'group' | 'kind' | 'namespaced'>, object: KubeObject): FieldError[] {
  const { metadata } = object;
  return [
    ...validateName(kind, metadata),
    ...validateNamespace(kind, metadata),
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata),
    ...validateFinalizers(kind, metadata),
    ...validateManagedFields(metadata),
  ];
}

/** What else is wrong with an entry, nobody gets to see: the server reads the list and writes it anew. */
function validateManagedFields({ managedFields = [] }: ObjectMeta): FieldError[] {
  return managedFields.flatMap(({ manager = '', subresource = '' }, i) => [
    ...validateManager(`metadata.managedFields[${i}].manager`, manager),
    ...(Buffer.byteLength(subresource) > MAX_SUBRESOURCE
      ? [tooLong(`metadata.managedFields[${i}].subresource`, MAX_SUBRESOURCE)]
      : []),
  ]);
}

/** A manager's name is short, and can be printed. */
export function validateManager(field: string, name: string): FieldError[] {
  if (PLAIN.test(name)) return [];
  const errors = Buffer.byteLength(name) > MAX_MANAGER ? [tooLong(field, MAX_MANAGER)] : [];
  let position = 0;
  for (const character of name) {
    if (!PRINTABLE.test(character)) {
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      errors.push(invalid(field, name, `invalid character ${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}

function validateName(kind: Pick<Kind, 'group' | 'kind'>, { name, generateName }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (generateName && !(name && PREFIX_UNREAD.has(kind.kind))) {
    // The prefix may end in a dash, as the suffix follows.
    const prefix = generateName.endsWith('-') ? `${generateName.slice(0, -1)}a` : generateName;
    for (const error of nameErrors(kind, prefix)) errors.push(invalid('metadata.generateName', generateName, error));
  }
  if (!name) return [...errors, required('metadata.name', 'name or generateName is required')];
  return [...errors, ...nameErrors(kind, name).map((error) => invalid('metadata.name', name, error))];
}

function validateNamespace(kind: Pick<Kind, 'namespaced'>, { namespace }: ObjectMeta): FieldError[] {
  if (!kind.namespaced) return namespace ? [forbidden('metadata.namespace', 'not allowed on this type')] : [];
  if (!namespace) return [required('metadata.namespace')];
  return dns1123LabelErrors(namespace).map((error) => invalid('metadata.namespace', namespace, error));
}

/** Labels of an object, of a pod template, of a selector. */
export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const error of qualifiedNameErrors(key)) errors.push(invalid(field, key, error));
    for (const error of labelValueErrors(value)) errors.push(invalid(field, value, error));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const error of qualifiedNameErrors(key.toLowerCase())) errors.push(invalid(field, key, error));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return size > MAX_ANNOTATIONS ? [...errors, tooLong(field, MAX_ANNOTATIONS)] : errors;
}

function validateOwners({ ownerReferences = [] }: ObjectMeta): FieldError[] {
  const field = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  for (const owner of ownerReferences) {
    if (!/^[^/]+(\/[^/]+)?$/.test(owner.apiVersion ?? '')) {
      errors.push(invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    }
    for (const part of ['kind', 'name', 'uid'] as const) {
      if (!owner[part]) errors.push(invalid(`${field}.${part}`, owner[part] ?? '', 'must not be empty'));
    }
  }
  const controllers = ownerReferences.filter(({ controller }) => controller);
  for (const other of controllers.slice(1)) {
    const [first] = controllers;
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${other.kind}/${other.name}`;
    errors.push(invalid(field, ownerReferences, why));
  }
  return errors;
}

function validateFinalizers(kind: Pick<Kind, 'group' | 'kind'>, { finalizers = [] }: ObjectMeta): FieldError[] {
  const isPlain = PLAIN_FINALIZERS.has(`${kind.group}/${kind.kind}`) || PLAIN_FINALIZERS.has(kind.group);
  // Upstream looks twice, and only the second time tells which one it is.
  const errors = finalizers.flatMap((finalizer) =>
    qualifiedNameErrors(finalizer).map((error) => invalid('metadata.finalizers', finalizer, error)),
  );
  if (!isPlain) errors.push(...finalizers.flatMap((one, i) => ownedFinalizer(one, `metadata.finalizers[${i}]`)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const why = `finalizer orphan and foregroundDeletion cannot be both set`;
    errors.push(invalid('metadata.finalizers', finalizers, why));
  }
  return errors;
}

/** Of a namespace's spec. */
export function validateFinalizer(finalizer: string, field: string): FieldError[] {
  const errors = qualifiedNameErrors(finalizer).map((error) => invalid(field, finalizer, error));
  return [...errors, ...ownedFinalizer(finalizer, field)];
}

/** Kubernetes' own, or under a domain. */
function ownedFinalizer(finalizer: string, field: string): FieldError[] {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
  return [invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')];
}

/** What an update may not change. What the server owns (`uid`, `creationTimestamp`, …) was filled in from `old` before. */
export function validateMetadataUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  if (old.metadata.deletionTimestamp) {
    const fresh = (object.metadata.finalizers ?? []).filter((one) => !(old.metadata.finalizers ?? []).includes(one));
    if (fresh.length > 0) {
      const list = fresh.map((one) => JSON.stringify(one)).join(', ');
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      errors.push(forbidden('metadata.finalizers', why));
    }
  }
  for (const field of IMMUTABLE) {
    if (isEqual(object.metadata[field], old.metadata[field])) continue;
    errors.push(invalid(`metadata.${field}`, object.metadata[field] ?? null, 'field is immutable'));
  }
  return errors;
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** A name from `generateName`; `random` answers an integer below its argument. */
export function generateName(prefix: string, random: (below: number) => number): string {
  const suffix = Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX[random(SUFFIX.length)]).join('');
  return prefix.slice(0, MAX_GENERATED) + suffix;
}
