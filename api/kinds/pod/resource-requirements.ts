// What containers, and pods as a whole, ask for and are limited to (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, FieldError, forbidden, invalid, notSupported, required } from '../../field.ts';
import { ownValue } from '../../object.ts';
import { parseQuantity } from '../../quantity.ts';
import { dns1123LabelErrors } from '../../selectors/syntax.ts';
import type { PodSpec, ResourceClaim, ResourceRequirements } from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import {
  containerResourceName,
  hugePages,
  isHugePages,
  isOvercommitAllowed,
  resourceName,
  resourceQuantity,
} from '../resource-names.ts';
import type { Check } from '../rule-table.ts';

const NO_HUGE_PAGES_ALONE = 'HugePages require cpu or memory';

/** `claims`: the names of the pod's resource claims. */
export function validateResources(
  requirements: ResourceRequirements,
  claims: ReadonlySet<string>,
  field: string,
): FieldError[] {
  return [
    ...validateAmounts(requirements, containerResourceName, field),
    ...validateClaims(requirements.claims ?? [], claims, `${field}.claims`),
  ];
}

function validateAmounts(
  { requests = {}, limits = {} }: ResourceRequirements,
  nameRule: Check<string>,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, limit] of Object.entries(limits)) errors.push(...amount(name, limit, nameRule, `${field}.limits`));
  for (const [name, request] of Object.entries(requests)) {
    errors.push(...amount(name, request, nameRule, `${field}.requests`));
    errors.push(...withinLimit(name, request, ownValue(limits, name), field));
    if (isHugePages(name)) errors.push(...hugePages(name, request, `${field}.requests[${name}]`));
  }
  for (const [name, limit] of Object.entries(limits)) {
    if (isHugePages(name)) errors.push(...hugePages(name, limit, `${field}.limits[${name}]`));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  const isAlone = names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory');
  return isAlone ? [...errors, forbidden(field, NO_HUGE_PAGES_ALONE)] : errors;
}

function amount(name: string, quantity: unknown, nameRule: Check<string>, field: string): FieldError[] {
  const at = `${field}[${name}]`;
  return [...nameRule(name, at), ...resourceQuantity(name, quantity, at)];
}

function withinLimit(name: string, request: unknown, limit: unknown, field: string): FieldError[] {
  if (limit === undefined) {
    if (isOvercommitAllowed(name)) return [];
    return [required(`${field}.limits`, 'Limit must be set for non overcommitable resources')];
  }
  const [asked, most] = [parseQuantity(String(request)), parseQuantity(String(limit))];
  const order = asked.compare(most);
  if (order !== 0 && !isOvercommitAllowed(name)) {
    return [invalid(`${field}.requests`, asked.toString(), `must be equal to ${name} limit of ${most}`)];
  }
  if (order <= 0) return [];
  return [invalid(`${field}.requests`, asked.toString(), `must be less than or equal to ${name} limit of ${most}`)];
}

/** A claim may be used whole once, or by requests that differ. */
function validateClaims(claims: readonly ResourceClaim[], known: ReadonlySet<string>, field: string): FieldError[] {
  const taken = new Set<string>();
  return claims.flatMap(({ name = '', request = '' }, i) => {
    const at = `${field}[${i}]`;
    if (!name) return [required(at)];
    const errors: FieldError[] = [];
    const key = request ? `${name}/${request}` : name;
    if (taken.has(name)) errors.push(duplicate(at, name));
    else {
      if (request) errors.push(...named(dns1123LabelErrors, request, `${at}.request`));
      if (taken.has(key)) errors.push(duplicate(at, key));
      else if (!request && [...taken].some((one) => one.startsWith(`${name}/`))) errors.push(duplicate(at, name));
      taken.add(key);
    }
    return known.has(name) ? errors : [...errors, unknownClaim(name, known, at)];
  });
}

function unknownClaim(name: string, known: ReadonlySet<string>, field: string): FieldError {
  const listed = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
  return new FieldError(
    'FieldValueNotFound',
    field,
    name,
    `must be one of the names in pod.spec.resourceClaims${listed}`,
  );
}

const OF_PODS = ['cpu', 'memory'];

/** Of a pod as a whole: enough for all its containers together. */
export function validatePodResources(spec: PodSpec, claims: ReadonlySet<string>, field: string): FieldError[] {
  const { resources } = spec;
  if (!resources) return [];
  if (spec.os?.name === 'windows') return [forbidden(field, 'may not be set for a windows pod')];
  const errors = resources.claims
    ? [forbidden(`${field}.claims`, 'claims may not be set for Resources at pod-level')]
    : [];
  errors.push(...validateAmounts(resources, podResourceName, field));
  errors.push(...validateClaims(resources.claims ?? [], claims, `${field}.claims`));
  for (const [name, limit] of Object.entries(resources.limits ?? {})) {
    const most = parseQuantity(String(limit));
    for (const [i, container] of spec.containers.entries()) {
      const own = ownValue(container.resources?.limits ?? {}, name);
      if (own === undefined || parseQuantity(String(own)).compare(most) <= 0) continue;
      const at = `${field}.containers[${i}][${name}].limits`;
      errors.push(invalid(at, String(own), `must be less than or equal to pod limits of ${most}`));
    }
  }
  return [...errors, ...coversContainers(spec, `${field}.requests`)];
}

function podResourceName(name: string, field: string): FieldError[] {
  const errors = resourceName(name, field);
  if (errors.length > 0 || OF_PODS.includes(name) || isHugePages(name)) return errors;
  return [notSupported(field, name, OF_PODS)];
}

function coversContainers(spec: PodSpec, field: string): FieldError[] {
  return Object.entries(spec.resources?.requests ?? {}).flatMap(([name, request]) => {
    const own = (list: PodSpec['containers']): bigint[] =>
      list.map(({ resources }) => parseQuantity(String(ownValue(resources?.requests ?? {}, name) ?? '0')).nanos);
    const sum = own(spec.containers).reduce((a, b) => a + b, 0n);
    const most = own(spec.initContainers ?? []).reduce((a, b) => (a > b ? a : b), sum);
    const asked = parseQuantity(String(request));
    if (most <= asked.nanos) return [];
    const said = asked.subtract(asked).add(parseQuantity(`${most}n`));
    const why = `must be greater than or equal to aggregate container requests of ${said}`;
    return [invalid(`${field}[${name}]`, asked.toString(), why)];
  });
}
