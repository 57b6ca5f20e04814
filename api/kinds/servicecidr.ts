// ServiceCIDR of networking.k8s.io/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import { formatBlock, parseBlock } from '../ip.ts';
import type { Rules } from '../kind.ts';
import type { ServiceCIDR } from '../types/networking.v1.ts';
import { block, immutable } from './checks.ts';
import { keepMetadata } from './status-update.ts';

export const serviceCIDR: Rules<ServiceCIDR> = {
  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
  },

  validate: ({ spec }, old) => {
    const [cidrs, before] = [spec?.cidrs ?? [], old?.spec?.cidrs];
    // Of a change only a second range is new.
    return !before || isUpgrade(cidrs, before) ? validateCidrs(cidrs) : [];
  },

  validateUpdate: (object, old, subresource) =>
    subresource === '' ? validateChange(object.spec?.cidrs ?? [], old.spec?.cidrs ?? []) : [],

  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.cidrs?.join(',') ?? '',
    ageOf(metadata.creationTimestamp, now),
  ],
};

/** A range of one family may take in the other; nothing else changes. */
function validateChange(cidrs: readonly string[], old: readonly string[]): FieldError[] {
  if (!isUpgrade(cidrs, old) && cidrs.length !== old.length) return immutable(cidrs, old, 'spec.cidrs');
  return old.flatMap((cidr, i) => immutable(cidrs[i], cidr, `spec.cidrs[${i}]`));
}

const isUpgrade = (cidrs: readonly string[], old: readonly string[]): boolean => old.length === 1 && cidrs.length === 2;

function validateCidrs(cidrs: readonly string[]): FieldError[] {
  if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid('spec.cidrs', cidrs, 'may only hold up to 2 values')];
  const families = cidrs.map((cidr) => parseBlock(cidr)?.family);
  const errors: FieldError[] = [];
  if (cidrs.length === 2 && families[0] && families[0] === families[1]) {
    const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(invalid('spec.cidrs', cidrs, why));
  }
  return [...errors, ...cidrs.flatMap((cidr, i) => validateCidr(cidr, `spec.cidrs[${i}]`))];
}

function validateCidr(cidr: string, field: string): FieldError[] {
  const errors = block(cidr, field);
  const parsed = parseBlock(cidr);
  if (!parsed || formatBlock(parsed) === cidr) return errors;
  const host = cidr.slice(0, cidr.indexOf('/'));
  const isCanonical = !formatBlock(parsed).startsWith(`${host}/`);
  return [
    ...errors,
    invalid(field, cidr, isCanonical ? 'must not have bits set beyond the prefix length' : 'must be in canonical form'),
  ];
}
