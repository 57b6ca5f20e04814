// What a pod's status may say (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, required } from '../../field.ts';
import { familyOf, parseAddress } from '../../ip.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors, qualifiedNameErrors } from '../../selectors/syntax.ts';
import type {
  Pod,
  PodCondition,
  PodExtendedResourceClaimStatus,
  PodResourceClaimStatus,
  PodSpec,
  PodStatus,
} from '../../types/core.v1.ts';
import { address, immutable, named } from '../checks.ts';
import { type Check, maybe, needed } from '../rule-table.ts';

const OWN_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized'];
const NOT_NEGATIVE = 'must be a non-negative integer';

/** The first of all addresses is the one address; what claims a node's own resources is a feature that is off by default. */
export function settleStatus(status: PodStatus): void {
  const { podIP, podIPs = [] } = status;
  if (podIP && podIPs[0]?.ip !== podIP) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs[0]?.ip) status.podIP = podIPs[0].ip;
  delete status.nodeAllocatableResourceClaimStatuses;
}

export function validatePodStatus({ status = {} }: Pod, { status: old = {}, spec }: Pod): FieldError[] {
  const { observedGeneration = 0 } = status;
  const errors = (status.conditions ?? []).flatMap((one, i) => validateCondition(one, `status.conditions[${i}]`));
  errors.push(...validateNomination(status, old, spec?.nodeName));
  if (observedGeneration < 0) errors.push(invalid('status.observedGeneration', observedGeneration, NOT_NEGATIVE));
  errors.push(...immutable(status.qosClass, old.qosClass, 'status.qosClass'));
  errors.push(...validateClaims(status.resourceClaimStatuses ?? [], spec, 'status.resourceClaimStatuses'));
  errors.push(
    ...maybe(extendedClaimOf(spec))(status.extendedResourceClaimStatus, 'status.extendedResourceClaimStatus'),
  );
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

function validateClaims(
  statuses: readonly PodResourceClaimStatus[],
  spec: PodSpec | undefined,
  field: string,
): FieldError[] {
  return statuses.flatMap(({ name = '', resourceClaimName: claim }, i) => {
    const at = `${field}[${i}]`;
    const isKnown = spec?.resourceClaims?.some((one) => one.name === name);
    const isRepeated = statuses.findIndex((one) => one.name === name) < i;
    return [
      ...(isKnown ? [] : [invalid(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`')]),
      ...(isRepeated ? [duplicate(`${at}.name`, name)] : []),
      ...(claim === undefined ? [] : named(dns1123SubdomainErrors, claim, `${at}.resourceClaimName`)),
    ];
  });
}

/** The claim that stands for extended resources of containers. */
const extendedClaimOf =
  (spec: PodSpec | undefined): Check<PodExtendedResourceClaimStatus> =>
  ({ requestMappings = [], resourceClaimName }, field) => {
    const list = `${field}.requestMappings`;
    const errors =
      (requestMappings ?? []).length > 0 ? [] : [required(list, 'at least one request mapping is required')];
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    for (const [i, { containerName, resourceName, requestName }] of (requestMappings ?? []).entries()) {
      const container = containers.find(({ name }) => name === containerName);
      if (!container) errors.push(invalid(`${list}[${i}].containerName`, containerName, NO_CONTAINER));
      else if (container.resources?.requests?.[resourceName] === undefined) {
        errors.push(invalid(`${list}[${i}].resourceName`, resourceName, NO_RESOURCE));
      }
      errors.push(...named(dns1123LabelErrors, requestName ?? '', `${field}.requestName`));
    }
    const name = needed<string>((text, at) => named(dns1123SubdomainErrors, text, at));
    return [...errors, ...name(resourceClaimName, `${field}.resourceClaimName`)];
  };

const NO_CONTAINER = 'must match the name of an entry in spec.initContainers.name or spec.containers.name';
const NO_RESOURCE =
  'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';

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
