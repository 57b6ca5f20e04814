// Node.
import { ageOf } from '../age.ts';
import { duplicate, type FieldError, forbidden, invalid, required } from '../field.ts';
import { parseBlock } from '../ip.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { Node, NodeSpec } from '../types/core.v1.ts';
import { block, named, oneOf } from './checks.ts';

const ROLE = 'node-role.kubernetes.io/';
const NONE = '<none>';

export const node: Rules<Node> = {
  default(object) {
    const { spec, status } = object;
    // The singular form always says the first of the plural.
    if (spec?.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
    if (spec?.podCIDRs?.length) spec.podCIDR ??= spec.podCIDRs[0];
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },

  keepsStatusOnCreate: true,

  validate({ spec }) {
    return [...validateCidrs(spec ?? {}), ...validateTaints(spec ?? {})];
  },

  validateUpdate(object, old) {
    const { spec = {} } = object;
    const was = old.spec ?? {};
    const errors: FieldError[] = [];
    if (was.podCIDRs?.length && !isEqual(spec.podCIDRs, was.podCIDRs)) {
      errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
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
      info?.kernelVersion || '<unknown>',
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
};

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

function validateTaints({ taints = [] }: NodeSpec): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, i) => {
    const field = `metadata.taints[${i}]`; // upstream says metadata
    const errors = taint.key ? named(qualifiedNameErrors, taint.key, `${field}.key`) : [required(`${field}.key`)];
    errors.push(...oneOf(taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], `${field}.effect`));
    if (seen.has(`${taint.key}:${taint.effect}`)) errors.push(duplicate(field, taint));
    seen.add(`${taint.key}:${taint.effect}`);
    return errors;
  });
}
