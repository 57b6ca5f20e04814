// Node.
import { ageOf } from '../age.ts';
import { duplicate, type FieldError, forbidden, invalid } from '../field.ts';
import { parseBlock } from '../ip.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { Node, NodeSpec, NodeSystemInfo } from '../types/core.v1.ts';
import { block } from './checks.ts';
import { validateTaints } from './pod/tolerations.ts';
import { resourceQuantity } from './resource-names.ts';

const ROLE = 'node-role.kubernetes.io/';
const NONE = '<none>';

export const node: Rules<Node> = {
  default(object) {
    const { spec, status } = object;
    // The singular form always says the first of the plural, and is believed.
    if (spec?.podCIDR) spec.podCIDRs = [spec.podCIDR, ...(spec.podCIDRs ?? []).slice(1)];
    if (spec?.podCIDRs?.length) spec.podCIDR ??= spec.podCIDRs[0];
    // Configuration by the API server is no more: nobody gets it stored.
    delete spec?.configSource;
    delete status?.config;
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },

  keepsStatusOnCreate: true,

  validate({ spec, status }) {
    return [
      // Upstream says metadata.
      ...validateTaints(spec?.taints ?? [], 'metadata.taints'),
      ...validateAmounts(status?.capacity, 'status.capacity'),
      ...validateAmounts(status?.allocatable, 'status.allocatable'),
      ...validateFeatures(status?.declaredFeatures ?? [], 'status.declaredFeatures'),
      ...validateCidrs(spec ?? {}),
    ];
  },

  validateUpdate(object, old) {
    const { spec = {} } = object;
    const was = old.spec ?? {};
    // Upstream looks twice, and says so.
    const errors = validateTaints(spec.taints ?? [], 'metadata.taints');
    if (was.podCIDRs?.length && !isEqual(spec.podCIDRs, was.podCIDRs)) {
      errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
    }
    if ((spec.externalID ?? '') !== (was.externalID ?? '')) {
      errors.push(forbidden('spec.externalID', 'may not be updated'));
    }
    if (was.providerID && spec.providerID !== was.providerID) {
      errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
    }
    return errors;
  },

  fields: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable ?? false) }),

  cells(object, now) {
    const { metadata, status = {} } = object;
    const info = status.nodeInfo;
    const address = (type: string): string => status.addresses?.find((one) => one.type === type)?.address || NONE;
    return [
      metadata.name,
      statusOf(object),
      rolesOf(object),
      ageOf(metadata.creationTimestamp, now),
      info?.kubeletVersion ?? '',
      address('InternalIP'),
      address('ExternalIP'),
      info?.osImage || '<unknown>',
      kernelOf(info),
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
};

function kernelOf({ kernelVersion, architecture }: Partial<NodeSystemInfo> = {}): string {
  const kernel = kernelVersion || '<unknown>';
  return architecture ? `${kernel} (${architecture})` : kernel;
}

function statusOf({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

function rolesOf({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE)) return key.slice(ROLE.length) || [];
    return key === 'kubernetes.io/role' && value ? value : [];
  });
  return [...new Set(roles)].sort().join(',') || NONE;
}

function validateCidrs({ podCIDRs = [] }: NodeSpec): FieldError[] {
  const errors = podCIDRs.flatMap((cidr, i) => block(cidr, `spec.podCIDRs[${i}]`));
  const families = podCIDRs.map((cidr) => parseBlock(cidr)?.family);
  if (podCIDRs.length > 2 || (podCIDRs.length === 2 && families[0] === families[1])) {
    errors.push(invalid('spec.podCIDRs', podCIDRs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** Here the name follows a dot, not in brackets. */
function validateAmounts(amounts: Readonly<Record<string, unknown>> = {}, field: string): FieldError[] {
  return Object.entries(amounts).flatMap(([name, quantity]) => resourceQuantity(name, quantity, `${field}.${name}`));
}

const MAX_FEATURE = 253;
const FEATURE = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const FEATURE_WORDS =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";

/** Sorted, and each once. */
function validateFeatures(features: readonly string[], field: string): FieldError[] {
  return features.flatMap((name, i) => {
    const errors: FieldError[] = [];
    const refuse = (why: string): number => errors.push(invalid(`${field}[${i}]`, name, why));
    if (i > 0 && features[i - 1] === name) errors.push(duplicate(`${field}[${i}]`, name));
    else if (i > 0 && features[i - 1] > name) refuse('list must be sorted alphabetically');
    const said = `invalid feature name ${JSON.stringify(name)}: `;
    if (name.length > MAX_FEATURE) refuse(`${said}must be no more than ${MAX_FEATURE} characters`);
    else if (!FEATURE.test(name)) refuse(`${said}${FEATURE_WORDS}`);
    return errors;
  });
}
