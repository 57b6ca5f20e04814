// Which IP families a Service has (k8s.io/kubernetes v1.36 pkg/registry/core/service/storage/alloc.go, initIPFamilyFields).
import { type FieldError, invalid } from '../field.ts';
import { type Family, familyOf } from '../ip.ts';
import type { Service, ServiceSpec } from '../types/core.v1.ts';

/** What the cluster offers: service ranges are IPv4. */
const CLUSTER: readonly Family[] = ['IPv4'];
const BOTH: readonly Family[] = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

const isHeadless = ({ clusterIP }: ServiceSpec): boolean => clusterIP === 'None';
/** Nothing in the cluster says which families such a service has: whoever writes its endpoints does. */
const isUnmanaged = (spec: ServiceSpec): boolean => isHeadless(spec) && !Object.keys(spec.selector ?? {}).length;

/** Brings clusterIP and clusterIPs to say the same, by what this write changed. */
export function alignAddresses({ spec }: Service, before?: Service): void {
  if (!spec || spec.type === 'ExternalName') return;
  const old = before?.spec;
  const sameList = (spec.clusterIPs ?? []).join() === (old?.clusterIPs ?? []).join();
  if (!old || old.type === 'ExternalName') {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  if (!spec.clusterIP && old.clusterIP && sameList) delete spec.clusterIPs;
  else if (spec.clusterIP && spec.clusterIP !== old.clusterIP && (sameList || !spec.clusterIPs?.length)) {
    spec.clusterIPs = [spec.clusterIP];
  }
}

/** Fills in policy and families where the client leaves them out; what cannot be is left for `validateFamilyChoice`. */
export function settleFamilies({ spec }: Service, before?: Service): void {
  if (!spec || spec.type === 'ExternalName') return;
  const old = before?.spec?.type === 'ExternalName' ? undefined : before?.spec;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (isUnmanaged(spec) ? 'RequireDualStack' : 'SingleStack');
  if (spec.ipFamilies?.length || !POLICIES.includes(spec.ipFamilyPolicy)) return;
  spec.ipFamilies = old?.ipFamilies ?? familiesOf(spec);
}

function familiesOf(spec: ServiceSpec): Family[] {
  const named = (spec.clusterIPs ?? []).flatMap((ip) => familyOf(ip) ?? []);
  if (named.length > 0) return [...new Set(named)];
  return isUnmanaged(spec) && spec.ipFamilyPolicy !== 'SingleStack' ? [...BOTH] : [...CLUSTER];
}

/** Whether the cluster can give what the service asks for. */
export function validateFamilyChoice(spec: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const { ipFamilyPolicy: policy, ipFamilies = [], clusterIPs = [] } = spec;
  if (!isUnmanaged(spec)) {
    const absent = clusterIPs.findIndex((ip) => ip !== 'None' && !CLUSTER.includes(familyOf(ip) as Family));
    if (absent >= 0) {
      const why = `${familyOf(clusterIPs[absent])} is not configured on this cluster`;
      return [invalid(`spec.clusterIPs[${absent}]`, clusterIPs, why)];
    }
  }
  if (policy === 'SingleStack' && ipFamilies.length > 1) {
    const why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
    return [invalid('spec.ipFamilyPolicy', policy, why)];
  }
  if (isUnmanaged(spec)) return [];
  const missing = ipFamilies.findIndex((family) => !CLUSTER.includes(family as Family));
  if (missing >= 0)
    return [invalid(`spec.ipFamilies[${missing}]`, ipFamilies[missing], 'not configured on this cluster')];
  if (policy !== 'RequireDualStack') return [];
  return [invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services')];
}
