// ResourceClaim and ResourceClaimTemplate of resource.k8s.io/v1: devices that a pod needs (k8s.io/kubernetes v1.36
// pkg/apis/resource).
import { ageOf } from '../../age.ts';
import { type FieldError, forbidden } from '../../field.ts';
import type { Rules } from '../../kind.ts';
import { validateAnnotations, validateLabels } from '../../metadata.ts';
import type { ObjectMeta } from '../../object.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '../../types/resource.v1.ts';
import { immutable } from '../checks.ts';
import { keepMetadata } from '../status-update.ts';
import { adminResult, forgetDevices, validateStatus } from './claim-status.ts';
import { adminRequest, defaultClaim, namesOf, validateClaim } from './request.ts';

const ADMIN_LABEL = 'resource.kubernetes.io/admin-access';

export const resourceClaim: Rules<ResourceClaim> = {
  deleteAnswersObject: true,

  default: ({ spec }) => defaultClaim(spec?.devices ?? {}),

  prepareForUpdate(object, old, subresource) {
    if (subresource !== 'status') return;
    keepMetadata(object, old);
    if (object.status) forgetDevices(object.status, old.status ?? {});
  },

  validateInNamespace(object, old, labels) {
    if (!old) return admin(adminRequest(object.spec?.devices ?? {}), labels, 'spec.devices.requests');
    return admin(adminResult(object.status ?? {}, old.status ?? {}), labels, 'status.allocation.devices.results');
  },

  validate: ({ spec }, old) => (old ? [] : validateClaim(spec?.devices ?? {}, 'spec.devices')),

  validateUpdate(object, old, subresource) {
    if (subresource !== 'status') return immutable(object.spec, old.spec, 'spec');
    const isLeaving = object.metadata.deletionTimestamp !== undefined;
    const names = namesOf(object.spec?.devices ?? {});
    return validateStatus(object.status ?? {}, old.status ?? {}, { names, isLeaving });
  },

  cells: (claim, now) => [claim.metadata.name, stateOf(claim), ageOf(claim.metadata.creationTimestamp, now)],
};

export const resourceClaimTemplate: Rules<ResourceClaimTemplate> = {
  deleteAnswersObject: true,

  default: ({ spec }) => defaultClaim(spec.spec?.devices ?? {}),

  // Upstream names the claim's field, not the template's.
  validateInNamespace: ({ spec }, old, labels) =>
    old ? [] : admin(adminRequest(spec.spec?.devices ?? {}), labels, 'spec.devices.requests'),

  validate: ({ spec }) => [
    ...validateTemplateMetadata(spec.metadata ?? {}, 'spec.metadata'),
    ...validateClaim(spec.spec?.devices ?? {}, 'spec.spec.devices'),
  ],

  validateUpdate: (object, old) => immutable(object.spec, old.spec, 'spec'),
};

function stateOf({ metadata, status }: ResourceClaim): string {
  const isLeaving = metadata.deletionTimestamp !== undefined;
  const states = isLeaving ? ['deleted'] : [];
  if (!status?.allocation) return isLeaving ? 'deleted' : 'pending';
  return [...states, 'allocated', ...(status.reservedFor?.length ? ['reserved'] : [])].join(',');
}

/** Access for administrators, in a namespace that is theirs; `index` is -1 when nobody asks for it. */
function admin(index: number, labels: Readonly<Record<string, string>>, field: string): FieldError[] {
  if (index < 0 || labels[ADMIN_LABEL] === 'true') return [];
  const why = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`;
  return [forbidden(`${field}[${index}].adminAccess`, why)];
}

/** In the order of Go's struct, with a name that is the struct's, not JSON's. */
const ONLY_OF_OBJECTS: ReadonlyArray<readonly [field: string, said?: string]> = [
  ['name'],
  ['generateName'],
  ['namespace'],
  ['selfLink'],
  ['uid', 'uID'],
  ['resourceVersion'],
  ['generation'],
  ['creationTimestamp'],
  ['deletionTimestamp'],
  ['deletionGracePeriodSeconds'],
  ['ownerReferences'],
  ['finalizers'],
  ['managedFields'],
];

function validateTemplateMetadata(metadata: Partial<ObjectMeta>, field: string): FieldError[] {
  const { annotations, labels, ...rest } = metadata as Record<string, unknown> & Partial<ObjectMeta>;
  const values: Readonly<Record<string, unknown>> = rest;
  return [
    ...validateAnnotations(annotations, `${field}.annotations`),
    ...validateLabels(labels, `${field}.labels`),
    ...ONLY_OF_OBJECTS.filter(([name]) => values[name] !== undefined && values[name] !== null).map(([name, said]) =>
      forbidden(`${field}.${said ?? name}`, 'cannot be set'),
    ),
  ];
}
