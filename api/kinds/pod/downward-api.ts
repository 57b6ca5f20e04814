// What a pod may ask to know of itself, in an environment variable or in a file (k8s.io/kubernetes v1.36
// pkg/apis/core/validation, pkg/apis/core/pods).
import { type FieldError, invalid, notSupported, required } from '../../field.ts';
import { parseQuantity } from '../../quantity.ts';
import { qualifiedNameErrors } from '../../selectors/syntax.ts';
import type { ObjectFieldSelector, ResourceFieldSelector } from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { joined } from '../rule-table.ts';

/** What Kubernetes knows by these names; variables and files may each use some of them. */
const FIELDS = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

export const FIELDS_IN_VARIABLES: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

export const FIELDS_IN_FILES: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const HUGE_PAGES = /^(requests|limits)\.hugepages-/;
const CPU_DIVISORS = ['1m', '1'];
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** `allowed`: sorted, as it is said. */
export function fieldSelector(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  allowed: readonly string[],
  field: string,
): FieldError[] {
  if (!apiVersion) return [required(`${field}.apiVersion`)];
  if (!fieldPath) return [required(`${field}.fieldPath`)];
  const at = `${field}.fieldPath`;
  const unreadable = (why: string): FieldError[] => [invalid(at, fieldPath, `error converting fieldPath: ${why}`)];
  if (apiVersion !== 'v1') return unreadable(`unsupported pod version: ${apiVersion}`);
  const [, path, subscript] = /^(.*?)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (path !== undefined) {
    if (path === 'metadata.annotations') return named(qualifiedNameErrors, subscript.toLowerCase(), field);
    if (path === 'metadata.labels') return named(qualifiedNameErrors, subscript, field);
    return unreadable(`field label does not support subscript: ${fieldPath}`);
  }
  const known = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath;
  if (!FIELDS.has(known)) return unreadable(`field label not supported: ${fieldPath}`);
  return allowed.includes(known) ? [] : [notSupported(at, known, allowed)];
}

/** In a file, no container is meant unless one is named. */
export function resourceSelector(
  { containerName, resource, divisor }: ResourceFieldSelector,
  place: 'variable' | 'file',
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (place === 'file' && !containerName) errors.push(required(`${field}.containerName`));
  else if (!resource) errors.push(required(`${field}.resource`));
  else if (!RESOURCES.includes(resource) && !HUGE_PAGES.test(resource)) {
    errors.push(notSupported(`${field}.resource`, resource, RESOURCES));
  }
  return joined(errors, validateDivisor(resource ?? '', divisor, field));
}

function validateDivisor(resource: string, divisor: unknown, field: string): FieldError[] {
  const given = parseQuantity(String(divisor ?? '0')).toString();
  if (given === '0') return [];
  const kind = kindOf(resource);
  if (!kind) return [];
  const allowed = kind === 'cpu' ? CPU_DIVISORS : BYTE_DIVISORS;
  if (allowed.includes(given)) return [];
  const listed = kind === 'cpu' ? allowed.join(' and ') : allowed.join(', ');
  const why = `only divisor's values ${listed} are supported with the ${kind} resource`;
  return [invalid(`${field}.divisor`, resource, why)];
}

function kindOf(resource: string): string | undefined {
  if (HUGE_PAGES.test(resource)) return 'hugepages';
  if (!RESOURCES.includes(resource)) return undefined;
  const name = resource.replace(/^(requests|limits)\./, '');
  return name === 'ephemeral-storage' ? 'local ephemeral storage' : name;
}
