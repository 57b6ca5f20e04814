// APIService of apiregistration.k8s.io/v1: which server serves a group's version (k8s.io/kube-aggregator v0.36
// pkg/apis/apiregistration). Nothing is passed on to another server yet: one that is elsewhere is never found available.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { dns1035LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';
import type { APIService, APIServiceCondition, APIServiceSpec } from '../types/apiregistration.v1.ts';
import { named } from './checks.ts';
import { among, type Check, each, needed, structOf } from './rule-table.ts';
import { keepMetadata } from './status-update.ts';

const HTTPS = 443;

/** Of a version that this server serves itself; `now` in RFC 3339. */
export const availableHere = (now: string): APIServiceCondition => ({
  type: 'Available',
  status: 'True',
  lastTransitionTime: now,
  reason: 'Local',
  message: 'Local APIServices are always available',
});

export const apiService: Rules<APIService> = {
  conditionalUpdateOnly: true,

  default({ spec }) {
    if (spec?.service) spec.service.port ??= HTTPS;
  },

  prepareForCreate(object, { now }) {
    if (!object.spec?.service) object.status = { conditions: [availableHere(now)] };
  },

  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
  },

  validate: ({ metadata, spec, status }) => [
    ...validateName(metadata.name, spec),
    ...(spec ? validateSpec(spec) : []),
    ...each(condition)(status?.conditions, 'status.conditions'),
  ],

  cells({ metadata, spec, status }, now) {
    const service = spec?.service;
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    const isAvailable = available?.status === 'True';
    return [
      metadata.name,
      service ? `${service.namespace}/${service.name}` : 'Local',
      available ? `${available.status}${isAvailable ? '' : ` (${available.reason})`}` : 'Unknown',
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};

function validateName(name: string, { group = '', version = '' }: Partial<APIServiceSpec> = {}): FieldError[] {
  const wanted = `${version}.${group}`;
  if (name === wanted) return [];
  return [invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)];
}

function validateSpec(spec: APIServiceSpec): FieldError[] {
  const { group = '', version = '' } = spec;
  const errors = named(dns1035LabelErrors, version, 'spec.version');
  if (group) errors.unshift(...named(dns1123SubdomainErrors, group, 'spec.group'));
  else if (version !== 'v1') {
    errors.unshift(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  }
  return [
    ...errors,
    ...priority(spec.groupPriorityMinimum, 'spec.groupPriorityMinimum', 20_000),
    ...priority(spec.versionPriority, 'spec.versionPriority', 1000),
    ...(spec.service ? validateElsewhere(spec) : validateHere(spec)),
  ];
}

function priority(value = 0, field: string, most: number): FieldError[] {
  return value > 0 && value <= most ? [] : [invalid(field, value, `must be positive and less than ${most}`)];
}

const INSECURE = 'spec.insecureSkipTLSVerify';

function validateHere({ caBundle = '', insecureSkipTLSVerify }: APIServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (caBundle) {
    const size = `${Buffer.from(caBundle, 'base64').length} bytes`;
    errors.push(invalid('spec.caBundle', size, 'local APIServices may not have a caBundle'));
  }
  if (insecureSkipTLSVerify) {
    errors.push(invalid(INSECURE, true, 'local APIServices may not have insecureSkipTLSVerify'));
  }
  return errors;
}

function validateElsewhere({ service, caBundle, insecureSkipTLSVerify }: APIServiceSpec): FieldError[] {
  const isBoth = insecureSkipTLSVerify && caBundle;
  return [
    ...needed()(service?.namespace, 'spec.service.namespace'),
    ...needed()(service?.name, 'spec.service.name'),
    ...(isBoth ? [invalid(INSECURE, true, 'may not be true if caBundle is present')] : []),
  ];
}

const condition: Check<APIServiceCondition> = structOf<APIServiceCondition>({
  status: (status = '', field) => among('False', 'True', 'Unknown')(status, field),
});
