// Which IP families a Service has (k8s.io/kubernetes v1.36 pkg/registry/core/service/storage/alloc.go, initIPFamilyFields).
import { type FieldError, invalid } from '../field.ts';
import { type Family, familyOf } from '../ip.ts';
import type { Service, ServiceSpec } from '../types/core.v1.ts';
import { validateAddressFields } from './service-validation.ts';

const isHeadless = ({ clusterIP }: ServiceSpec): boolean => clusterIP === 'None';
/** Nothing in the cluster says which families such a service has: whoever writes its endpoints does. */
const isUnmanaged = (spec: ServiceSpec): boolean => isHeadless(spec) && !Object.keys(spec.selector ?? {}).length;

/** Brings clusterIP and clusterIPs to say the same, by what this write changed. */
export function alignAddresses({ spec }: Service, before?: Service): void {
  if (!spec || spec.type === 'ExternalName') return;
  const old = before?.spec;
  const sameList = isSame(spec.clusterIPs, old?.clusterIPs);
  if (!old || old.type === 'ExternalName') {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  if (!spec.clusterIP && old.clusterIP && sameList) delete spec.clusterIPs;
  else if (spec.clusterIP && spec.clusterIP !== old.clusterIP && (sameList || !spec.clusterIPs?.length)) {
    spec.clusterIPs = [spec.clusterIP];
  }
}

/**
 * Fills in policy and families where the client leaves them out, and lets go of the secondary address when the policy says so.
 * `cluster` is what the cluster offers, its default first. Returns what cannot be.
 */
export function settleFamilies(
  { spec }: Service,
  before: Service | undefined,
  cluster: readonly Family[],
): FieldError[] {
  if (!spec || spec.type === 'ExternalName') return [];
  const old = before?.spec;
  if (old && keepsPreference(spec, old)) return [];
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (isUnmanaged(spec) ? 'RequireDualStack' : 'SingleStack');
  const malformed = validateAddressFields(spec);
  if (malformed.length > 0) return malformed;
  const errors = [
    ...(old ? releaseSecondary(spec, old) : []),
    ...checkSingleStack(spec),
    ...inferFamilies(spec, cluster),
  ];
  if (errors.length > 0) return errors;
  if (!isUnmanaged(spec)) {
    const absent = checkOffered(spec, cluster);
    if (absent.length > 0) return absent;
  }
  if (!spec.ipFamilies?.length) spec.ipFamilies = [cluster[0]];
  const isDual = isUnmanaged(spec) || cluster.length === 2;
  if (isDual && spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1) {
    spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
  }
  return [];
}

/** A Service that merely prefers both families gains or loses none because the cluster did. */
function keepsPreference(spec: ServiceSpec, old: ServiceSpec): boolean {
  if (spec.type !== old.type || spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  if ((old.ipFamilyPolicy ?? 'PreferDualStack') !== 'PreferDualStack') return false;
  return isSame(spec.clusterIPs, old.clusterIPs) && isSame(spec.ipFamilies, old.ipFamilies);
}

/** The policy alone says clearly enough that the secondary goes; lists that became shorter do not. */
function releaseSecondary(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (isSame(spec.clusterIPs, old.clusterIPs)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1);
    if (isSame(spec.ipFamilies, old.ipFamilies)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1);
    return [];
  }
  const released = (what: string): FieldError =>
    invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`);
  return [
    ...(isShorter(spec.clusterIPs, old.clusterIPs) ? [released('cluster IP')] : []),
    ...(isShorter(spec.ipFamilies, old.ipFamilies) ? [released('IP family')] : []),
  ];
}

function checkSingleStack({ ipFamilyPolicy: policy, clusterIPs = [], ipFamilies = [] }: ServiceSpec): FieldError[] {
  if (policy !== 'SingleStack') return [];
  const many = (what: string): FieldError => {
    const why = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    return invalid('spec.ipFamilyPolicy', policy, why);
  };
  return [
    ...(clusterIPs.length === 2 ? [many('cluster IPs')] : []),
    ...(ipFamilies.length === 2 ? [many('IP families')] : []),
  ];
}

/** Addresses tell the families that are not named. */
function inferFamilies(spec: ServiceSpec, cluster: readonly Family[]): FieldError[] {
  if (isHeadless(spec)) return [];
  const { clusterIPs = [], ipFamilies: named = [] } = spec;
  const inferred = clusterIPs.slice(named.length).map((ip) => familyOf(ip)!);
  const errors = inferred.flatMap((family, i) => {
    if (cluster.includes(family)) return [];
    const field = `spec.clusterIPs[${named.length + i}]`;
    return [invalid(field, clusterIPs, `${family} is not configured on this cluster`)];
  });
  if (errors.length === 0 && inferred.length > 0) spec.ipFamilies = [...named, ...inferred];
  return errors;
}

function checkOffered(
  { ipFamilyPolicy: policy, ipFamilies = [] }: ServiceSpec,
  cluster: readonly Family[],
): FieldError[] {
  const errors: FieldError[] = [];
  if (policy === 'RequireDualStack' && cluster.length < 2) {
    errors.push(invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services'));
  }
  for (const [i, family] of ipFamilies.entries()) {
    if (cluster.includes(family as Family)) continue;
    errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  }
  return errors;
}

const isSame = (list: readonly string[] = [], old: readonly string[] = []): boolean => list.join() === old.join();

/** A list that is not given is not shorter. */
const isShorter = (list: readonly string[] = [], old: readonly string[] = []): boolean =>
  list.length > 0 && list.length < old.length;
