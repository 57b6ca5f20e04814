// ResourceQuota.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../types/core.v1.ts';
import { isQuotaResource, quotaResourceName, resourceQuantity } from './resource-names.ts';

export const resourceQuota: Rules<ResourceQuota> = {
  deleteAnswersObject: true,

  validate: ({ spec, status }) => [
    ...validateAmounts(spec?.hard, 'spec.hard'),
    ...(spec ? [...validateScopes(spec, 'spec.scopes'), ...validateSelector(spec, 'spec.scopeSelector')] : []),
    ...validateAmounts(status?.hard, 'status.hard'),
    ...validateAmounts(status?.used, 'status.used'),
  ],

  validateUpdate: (object, old, subresource) =>
    subresource === '' && !isSameSet(object.spec?.scopes, old.spec?.scopes)
      ? [invalid('spec.scopes', object.spec?.scopes ?? null, 'field is immutable')]
      : [],

  cells({ metadata, status }, now) {
    const { hard = {}, used = {} } = status ?? {};
    const show = (names: string[]): string =>
      names.map((name) => `${name}: ${used[name] ?? 0}/${hard[name]}`).join(', ');
    const names = Object.keys(hard).sort();
    const limits = names.filter((name) => name.startsWith('limits.'));
    return [
      metadata.name,
      show(names.filter((name) => !name.startsWith('limits.'))),
      show(limits),
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};

function isSameSet(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return isEqual([...new Set(a)].sort(), [...new Set(b)].sort());
}

function validateAmounts(amounts: Readonly<Record<string, unknown>> = {}, field: string): FieldError[] {
  return Object.entries(amounts).flatMap(([name, quantity]) => {
    const at = `${field}[${name}]`;
    return [...quotaResourceName(name, at), ...resourceQuantity(name, quantity, at)];
  });
}

const OF_PODS = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** What each scope can be about. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  Terminating: OF_PODS,
  NotTerminating: OF_PODS,
  NotBestEffort: OF_PODS,
  PriorityClass: OF_PODS,
  CrossNamespacePodAffinity: OF_PODS,
  BestEffort: ['pods'],
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
/** These are there or not: there is nothing to choose. */
const PLAIN = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

function validateScopes({ scopes = [], hard = {} }: ResourceQuotaSpec, field: string): FieldError[] {
  return [
    ...scopes.flatMap((scope) => [
      ...(SCOPES[scope] ? [] : [invalid(field, scopes, 'unsupported scope')]),
      ...misfits(scope, hard).map(() => invalid(field, scopes, 'unsupported scope applied to resource')),
    ]),
    ...conflicts(scopes).map(() => invalid(field, scopes, 'conflicting scopes')),
  ];
}

function misfits(scope: string, hard: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(hard).filter((name) => isQuotaResource(name) && SCOPES[scope] && !SCOPES[scope].includes(name));
}

function conflicts(scopes: readonly string[]): unknown[] {
  return OPPOSITES.filter((pair) => pair.every((scope) => scopes.includes(scope)));
}

function validateSelector({ scopeSelector, scopes, hard = {} }: ResourceQuotaSpec, field: string): FieldError[] {
  const at = `${field}.matchExpressions`;
  const requirements = scopeSelector?.matchExpressions ?? [];
  const errors = requirements.flatMap((requirement) => [
    ...(SCOPES[requirement.scopeName]
      ? []
      : [invalid(`${at}.scopeName`, requirement.scopeName ?? '', 'unsupported scope')]),
    ...misfits(requirement.scopeName, hard).map(() =>
      invalid(at, scopeSelector, 'unsupported scope applied to resource'),
    ),
    ...validateRequirement(requirement, at),
  ]);
  const named = requirements.map(({ scopeName }) => scopeName);
  return [...errors, ...conflicts(named).map(() => invalid(at, scopes ?? null, 'conflicting scopes'))];
}

function validateRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (PLAIN.includes(scopeName) && operator !== 'Exists') {
    const why =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.push(invalid(`${field}.operator`, operator ?? '', why));
  }
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      return values.length > 0 ? errors : [...errors, required(`${field}.values`, why)];
    }
    case 'Exists':
    case 'DoesNotExist': {
      const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      return values.length === 0 ? errors : [...errors, invalid(`${field}.values`, values, why)];
    }
    default:
      return [...errors, invalid(`${field}.operator`, operator ?? '', 'not a valid selector operator')];
  }
}
