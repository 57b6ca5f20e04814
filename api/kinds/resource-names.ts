// Names of resources that are counted: of containers, quotas and limits (k8s.io/kubernetes v1.36 pkg/apis/core/helper).
import { type FieldError, invalid } from '../field.ts';
import { parseQuantity, type Quantity } from '../quantity.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import { NOT_NEGATIVE, named } from './checks.ts';

const OF_CONTAINERS = new Set(['cpu', 'memory', 'ephemeral-storage']);
const COUNTED = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const OF_QUOTAS = new Set([
  ...COUNTED,
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);
const ONE = 1_000_000_000n;

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');

/** Whether Kubernetes itself knows it: every other one stands under a domain. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** Whether requests may stay below limits. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

export const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedNameErrors(`requests.${name}`).length === 0;

export const isQuotaResource = (name: string): boolean => OF_QUOTAS.has(name) || isQuotaHugePages(name);

/** A name that stands alone must be one of the known ones; one under a domain is the user's own. */
export function resourceName(name: string, field: string): FieldError[] {
  const errors = named(qualifiedNameErrors, name, field);
  if (errors.length > 0 || name.includes('/') || isQuotaResource(name) || name === 'storage') return errors;
  return [invalid(field, name, 'must be a standard resource type or fully qualified')];
}

export function containerResourceName(name: string, field: string): FieldError[] {
  if (OF_CONTAINERS.has(name)) return [];
  const errors = resourceName(name, field);
  if (!name.includes('/')) {
    return isHugePages(name) ? errors : [...errors, invalid(field, name, 'must be a standard resource for containers')];
  }
  if (isNative(name) || isExtended(name)) return errors;
  return [...errors, invalid(field, name, "doesn't follow extended resource name standard")];
}

export function quotaResourceName(name: string, field: string): FieldError[] {
  const errors = resourceName(name, field);
  if (name.includes('/') || isQuotaResource(name)) return errors;
  return [...errors, invalid(field, name, 'must be a standard resource for quota')];
}

/** Never negative; what is counted by the piece is a whole number. */
export function resourceQuantity(name: string, quantity: unknown, field: string): FieldError[] {
  const parsed = parseQuantity(String(quantity));
  const errors = parsed.nanos < 0n ? [invalid(field, parsed.toString(), NOT_NEGATIVE)] : [];
  const isWhole = !OF_CONTAINERS.has(name) && (COUNTED.has(name) || isExtended(name));
  if (!isWhole || ceilToThousandths(parsed) % 1000n === 0n) return errors;
  return [...errors, invalid(field, parsed.toString(), 'must be an integer')];
}

function ceilToThousandths({ nanos }: Quantity): bigint {
  const unit = ONE / 1000n;
  return nanos > 0n ? (nanos + unit - 1n) / unit : nanos / unit;
}

/** Huge pages come whole. */
export function hugePages(name: string, quantity: unknown, field: string): FieldError[] {
  const size = parseQuantity(name.slice('hugepages-'.length));
  const amount = parseQuantity(String(quantity));
  const isWhole = size.nanos > 0n && size.nanos % ONE === 0n && amount.nanos % size.nanos === 0n;
  if (isWhole) return [];
  return [invalid(field, amount.toString(), `${amount} is not positive integer multiple of ${name}`)];
}
