// What a pod's status may say (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid } from '../../field.ts';
import { familyOf, parseAddress } from '../../ip.ts';
import { dns1123SubdomainErrors, qualifiedNameErrors } from '../../selectors/syntax.ts';
import type { Pod, PodCondition, PodStatus } from '../../types/core.v1.ts';
import { address, immutable, named } from '../checks.ts';

const OWN_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized'];
const NOT_NEGATIVE = 'must be a non-negative integer';

export function validatePodStatus({ status = {} }: Pod, { status: old = {}, spec }: Pod): FieldError[] {
  const { observedGeneration = 0 } = status;
  const errors = (status.conditions ?? []).flatMap((one, i) => validateCondition(one, `status.conditions[${i}]`));
  errors.push(...validateNomination(status, old, spec?.nodeName));
  if (observedGeneration < 0) errors.push(invalid('status.observedGeneration', observedGeneration, NOT_NEGATIVE));
  errors.push(...immutable(status.qosClass, old.qosClass, 'status.qosClass'));
  errors.push(...validateAddresses(status.podIPs ?? [], old.podIPs ?? [], 'status.podIPs'));
  const [first] = status.hostIPs ?? [];
  if (first && (first.ip ?? '') !== (status.hostIP ?? '')) {
    errors.push(invalid('status.hostIPs[0].ip', first.ip ?? '', 'must be equal to `hostIP`'));
  }
  return [...errors, ...validateAddresses(status.hostIPs ?? [], old.hostIPs ?? [], 'status.hostIPs')];
}

function validateCondition({ type = '', observedGeneration = 0 }: Partial<PodCondition>, field: string): FieldError[] {
  const errors =
    observedGeneration < 0 ? [invalid(`${field}.observedGeneration`, observedGeneration, NOT_NEGATIVE)] : [];
  return OWN_CONDITIONS.includes(type) ? errors : [...errors, ...named(qualifiedNameErrors, type, `${field}.Type`)];
}

/** The node the scheduler is clearing: none, once the pod has one. */
function validateNomination(status: PodStatus, old: PodStatus, nodeName: string | undefined): FieldError[] {
  const { nominatedNodeName: name } = status;
  if (!name || name === old.nominatedNodeName) return [];
  const field = 'status.nominatedNodeName';
  const errors = named(dns1123SubdomainErrors, name, field);
  if (!nodeName) return errors;
  return [...errors, forbidden(field, 'may not be set on pods that are already bound to a node')];
}

/** One of each family; what was there already may stay. */
function validateAddresses(
  list: ReadonlyArray<{ ip?: string }>,
  old: ReadonlyArray<{ ip?: string }>,
  field: string,
): FieldError[] {
  const errors = list.flatMap(({ ip = '' }, i) =>
    old.some((one) => one.ip === ip) ? [] : address(ip, `${field}[${i}]`),
  );
  const readable = list.filter(({ ip = '' }) => parseAddress(ip));
  if (list.length < 2 || readable.length < list.length) return errors;
  const families = new Set(readable.map(({ ip = '' }) => familyOf(ip)));
  if (list.length === 2 && families.size === 2) return errors;
  return [...errors, invalid(field, list, 'may specify no more than one IP for each IP family')];
}
