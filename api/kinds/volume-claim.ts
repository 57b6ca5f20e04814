// What a claim on storage says: PersistentVolumeClaims, the claim templates of StatefulSets and of ephemeral volumes
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, notSupported, required } from '../field.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import { parseQuantity } from '../quantity.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '../types/core.v1.ts';
import type { ObjectMeta } from '../types/meta.v1.ts';
import { labelSelector, named } from './checks.ts';
import { among, type Check, maybe, unlessEmpty } from './rule-table.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export const volumeMode = maybe(among('Block', 'Filesystem'));
export const className: Check<string> = (name, field) => named(dns1123SubdomainErrors, name, field);

export function accessModes(modes: readonly string[] = [], field: string, none = ''): FieldError[] {
  const errors = modes.length === 0 ? [required(field, none)] : [];
  return [...errors, ...knownAccessModes(modes, field)];
}

function knownAccessModes(modes: readonly string[], field: string): FieldError[] {
  const errors = modes
    .filter((mode) => !ACCESS_MODES.includes(mode))
    .map((mode) => notSupported(field, mode, ACCESS_MODES));
  const isMixed =
    modes.includes('ReadWriteOncePod') &&
    modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode));
  return isMixed ? [...errors, forbidden(field, 'may not use ReadWriteOncePod with other access modes')] : errors;
}

/** `quantity` as a user wrote it; upstream quotes it as text. */
export function positiveQuantity(quantity: unknown, field: string): FieldError[] {
  const { nanos } = parseQuantity(String(quantity));
  return nanos > 0n ? [] : [invalid(field, String(quantity), 'must be greater than zero')];
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, field: string): FieldError[] {
  const storage = spec.resources?.requests?.storage;
  const at = `${field}.resources[storage]`;
  return [
    ...(spec.accessModes?.length ? [] : [required(`${field}.accessModes`, 'at least 1 access mode is required')]),
    ...labelSelector(spec.selector, `${field}.selector`),
    ...knownAccessModes(spec.accessModes ?? [], `${field}.accessModes`),
    ...(storage === undefined ? [required(at)] : positiveQuantity(storage, at)),
    ...unlessEmpty(className)(spec.storageClassName, `${field}.storageClassName`),
    ...volumeMode(spec.volumeMode, `${field}.volumeMode`),
    ...maybe(dataSource)(spec.dataSource, `${field}.dataSource`),
    ...maybe(dataSource)(spec.dataSourceRef, `${field}.dataSourceRef`),
    ...maybe(sourceNamespace)(spec.dataSourceRef, `${field}.dataSourceRef`),
    ...validateBothSources(spec, field),
    ...unlessEmpty(className)(spec.volumeAttributesClassName, `${field}.volumeAttributesClassName`),
  ];
}

function dataSource({ apiGroup, kind, name }: TypedLocalObjectReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.name`));
  if (!kind) errors.push(required(`${field}.kind`));
  if (!apiGroup && kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(invalid(field, kind ?? '', why));
  }
  return [...errors, ...unlessEmpty(className)(apiGroup, `${field}.apiGroup`)];
}

function sourceNamespace({ namespace }: TypedObjectReference, field: string): FieldError[] {
  return namespace ? named(dns1123LabelErrors, namespace, `${field}.namespace`) : [];
}

/** Upstream prints the path of the other field as Go prints the struct behind it. */
function validateBothSources(
  { dataSource: one, dataSourceRef: two }: PersistentVolumeClaimSpec,
  field: string,
): FieldError[] {
  if (!one || !two) return [];
  if (two.namespace) {
    return [invalid(field, {}, 'may not be specified when dataSourceRef.namespace is specified')];
  }
  const isSame = one.apiGroup === two.apiGroup && one.kind === two.kind && one.name === two.name;
  return isSame ? [] : [invalid(field, {}, 'must match dataSourceRef')];
}

export function validateClaimTemplate(template: PersistentVolumeClaimTemplate, field: string): FieldError[] {
  return [
    ...(template.metadata ? validateTemplateMetadata(template.metadata, `${field}.metadata`) : []),
    ...validateClaimSpec(template.spec ?? {}, `${field}.spec`),
  ];
}

/** In the order of Go's struct, where `uid` is `UID`. */
const NOT_IN_TEMPLATES: ReadonlyArray<readonly [keyof ObjectMeta, string]> = [
  ['name', 'name'],
  ['generateName', 'generateName'],
  ['namespace', 'namespace'],
  ['selfLink', 'selfLink'],
  ['uid', 'uID'],
  ['resourceVersion', 'resourceVersion'],
  ['generation', 'generation'],
  ['creationTimestamp', 'creationTimestamp'],
  ['deletionTimestamp', 'deletionTimestamp'],
  ['deletionGracePeriodSeconds', 'deletionGracePeriodSeconds'],
  ['ownerReferences', 'ownerReferences'],
  ['finalizers', 'finalizers'],
  ['managedFields', 'managedFields'],
];

/** Objects made from a template take its labels and annotations, and nothing else. */
export function validateTemplateMetadata(metadata: Partial<ObjectMeta>, field: string): FieldError[] {
  return [
    ...validateAnnotations(metadata.annotations, `${field}.annotations`),
    ...validateLabels(metadata.labels, `${field}.labels`),
    ...NOT_IN_TEMPLATES.filter(([name]) => metadata[name] !== undefined && metadata[name] !== null).map(([, said]) =>
      forbidden(`${field}.${said}`, 'cannot be set'),
    ),
  ];
}
