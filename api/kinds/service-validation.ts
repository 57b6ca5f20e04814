// What a Service must be (k8s.io/kubernetes v1.36 pkg/apis/core/validation, ValidateService and ValidateServiceUpdate).
import { duplicate, type FieldError, forbidden, invalid, required } from '../field.ts';
import { familyOf } from '../ip.ts';
import { validateLabels } from '../metadata.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
} from '../selectors/syntax.ts';
import type { LoadBalancerStatus, Service, ServicePort, ServiceSpec } from '../types/core.v1.ts';
import { address, block, named, oneOf } from './checks.ts';
import { nonSpecial } from './endpoints.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const MAX_AFFINITY = 86400;
const ONLY = "may only be used when `type` is 'LoadBalancer'";

export function validateService({ spec = {}, status }: Service): FieldError[] {
  return [
    ...validateHeadless(spec),
    ...validatePorts(spec, 'spec.ports'),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...oneOf(spec.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity'),
    ...validateAffinity(spec),
    ...validateAddressFields(spec),
    ...(spec.externalIPs ?? []).flatMap((ip, i) => externalIp(ip, `spec.externalIPs[${i}]`)),
    ...(spec.type ? oneOf(spec.type, TYPES, 'spec.type') : [required('spec.type')]),
    ...validateTypeDependent(spec),
    ...validateLoadBalancer(status?.loadBalancer ?? {}, spec),
  ];
}

/** What is reached from outside needs an address to be forwarded from. */
function validateHeadless(spec: ServiceSpec): FieldError[] {
  const { type, clusterIP, clusterIPs = [] } = spec;
  if (clusterIP !== 'None' || clusterIPs.length > 1 || (type !== 'NodePort' && type !== 'LoadBalancer')) return [];
  return [invalid('spec.clusterIPs[0]', clusterIP, `may not be set to 'None' for ${type} services`)];
}

function externalIp(ip: string, field: string): FieldError[] {
  const errors = address(ip, field);
  return errors.length > 0 ? errors : nonSpecial(ip, field);
}

function validatePorts(spec: ServiceSpec, field: string): FieldError[] {
  const ports = spec.ports ?? [];
  const headless = spec.clusterIP === 'None';
  if (ports.length === 0) return headless || spec.type === 'ExternalName' ? [] : [required(field)];
  const names = new Set<string>();
  const errors = ports.flatMap((port, i) => validatePort(port, ports.length > 1, names, `${field}[${i}]`));
  if (spec.type === 'ClusterIP' || spec.type === 'ExternalName') {
    for (const [i, { nodePort }] of ports.entries()) {
      if (!nodePort) continue;
      errors.push(forbidden(`${field}[${i}].nodePort`, `may not be used when \`type\` is '${spec.type}'`));
    }
  }
  return [...errors, ...duplicatePorts(ports, field), ...duplicateNodePorts(ports, field)];
}

function validatePort(port: ServicePort, needsName: boolean, names: Set<string>, field: string): FieldError[] {
  const { name, targetPort } = port;
  const errors: FieldError[] = [];
  if (needsName && !name) errors.push(required(`${field}.name`));
  else if (name) {
    errors.push(...named(dns1123LabelErrors, name, `${field}.name`));
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
  }
  errors.push(...portNumberErrors(port.port).map((error) => invalid(`${field}.port`, port.port ?? 0, error)));
  errors.push(...oneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `${field}.protocol`));
  if (typeof targetPort === 'string') errors.push(...named(portNameErrors, targetPort, `${field}.targetPort`));
  else {
    const number = targetPort ?? 0;
    errors.push(...portNumberErrors(number).map((error) => invalid(`${field}.targetPort`, number, error)));
  }
  if (port.appProtocol !== undefined)
    errors.push(...named(qualifiedNameErrors, port.appProtocol, `${field}.appProtocol`));
  return errors;
}

/** Quotes the key as Go prints its struct. */
function duplicatePorts(ports: readonly ServicePort[], field: string): FieldError[] {
  const taken = new Set<string>();
  return ports.flatMap(({ protocol = 'TCP', port }, i) => {
    const key = `${protocol}/${port}`;
    if (!taken.has(key)) {
      taken.add(key);
      return [];
    }
    const quoted = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    return [duplicate(`${field}[${i}]`, quoted)];
  });
}

/** One number may serve several protocols, not two ports of one. In the allocator's words, which would refuse it too. */
function duplicateNodePorts(ports: readonly ServicePort[], field: string): FieldError[] {
  const taken = new Set<string>();
  return ports.flatMap(({ protocol, nodePort }, i) => {
    const key = `${protocol}/${nodePort}`;
    if (!nodePort || !taken.has(key)) {
      taken.add(key);
      return [];
    }
    return [invalid(`${field}[${i}].nodePort`, nodePort, 'provided port is already allocated')];
  });
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec): FieldError[] {
  const field = 'spec.sessionAffinityConfig';
  if (sessionAffinity === 'None') {
    return config ? [forbidden(field, 'must not be set when session affinity is None')] : [];
  }
  const timeout = config?.clientIP?.timeoutSeconds;
  if (sessionAffinity !== 'ClientIP' || timeout === undefined || (timeout > 0 && timeout <= MAX_AFFINITY)) return [];
  return [invalid(`${field}.clientIP.timeoutSeconds`, timeout, `must be greater than 0 and less than ${MAX_AFFINITY}`)];
}

/** What clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy say of each other. */
export function validateAddressFields(spec: ServiceSpec): FieldError[] {
  return [...validateFamilies(spec), ...validateClusterIps(spec)];
}

function validateFamilies({ type, ipFamilies = [], ipFamilyPolicy }: ServiceSpec): FieldError[] {
  if (type === 'ExternalName') {
    const never = 'may not be set for ExternalName services';
    return [
      ...(ipFamilies.length > 0 ? [forbidden('spec.ipFamilies', never)] : []),
      ...(ipFamilyPolicy ? [forbidden('spec.ipFamilyPolicy', never)] : []),
    ];
  }
  const errors: FieldError[] = [];
  for (const [i, family] of ipFamilies.entries()) {
    errors.push(...oneOf(family, ['IPv4', 'IPv6'], `spec.ipFamilies[${i}]`));
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
  }
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
  return [...errors, ...oneOf(ipFamilyPolicy, policies, 'spec.ipFamilyPolicy')];
}

function validateClusterIps({ type, clusterIP, clusterIPs = [], ipFamilies = [] }: ServiceSpec): FieldError[] {
  const field = 'spec.clusterIPs';
  if (type === 'ExternalName') {
    const errors = clusterIPs.length > 0 ? [forbidden(field, "may not be set when `type` is 'ExternalName'")] : [];
    return clusterIP
      ? [...errors, forbidden('spec.clusterIP', "may not be set when `type` is 'ExternalName'")]
      : errors;
  }
  if (!clusterIP && clusterIPs.length === 0) return [];
  // The allocator completes a lone clusterIP; here both forms are judged as one list.
  const ips = clusterIPs.length > 0 ? clusterIPs : [clusterIP as string];
  const errors: FieldError[] = [];
  if (!clusterIP) errors.push(invalid(field, ips, 'must be empty when `clusterIP` is not specified'));
  else if (ips[0] !== clusterIP) errors.push(invalid(field, ips, 'first value must match `clusterIP`'));
  const isNone = ips[0] === 'None';
  if (isNone && ips.length > 1) errors.push(invalid(field, ips, "'None' must be the first and only value"));
  const bad = ips.flatMap((ip, i) => (isNone && i === 0 ? [] : address(ip, `${field}[${i}]`)));
  errors.push(...bad);
  if (ips.length > 2) return [...errors, invalid(field, ips, 'may only hold up to 2 values')];
  if (isNone || bad.length > 0) return errors;
  if (ips.length === 2 && familyOf(ips[0]) === familyOf(ips[1]))
    errors.push(invalid(field, ips, 'may specify no more than one IP for each IP family'));
  return [...errors, ...matchFamilies(ips, ipFamilies)];
}

function matchFamilies(ips: readonly string[], families: readonly string[]): FieldError[] {
  return ips.flatMap((ip, i) => {
    const family = families[i];
    if (!family || familyOf(ip) === family) return [];
    const why = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
    return [invalid(`spec.clusterIPs[${i}]`, ip, why)];
  });
}

function validateTypeDependent(spec: ServiceSpec): FieldError[] {
  const { type, externalName, externalTrafficPolicy, internalTrafficPolicy } = spec;
  const errors: FieldError[] = [];
  if (type === 'ExternalName') {
    const name = (externalName ?? '').replace(/\.$/, '');
    if (name === '') errors.push(required('spec.externalName'));
    else errors.push(...named(dns1123SubdomainErrors, name, 'spec.externalName'));
  }
  const isExternal = type === 'NodePort' || type === 'LoadBalancer' || Boolean(spec.externalIPs?.length);
  if (externalTrafficPolicy && !isExternal) {
    const why = 'may only be set for externally-accessible services';
    errors.push(invalid('spec.externalTrafficPolicy', externalTrafficPolicy, why));
  } else errors.push(...oneOf(externalTrafficPolicy, ['Cluster', 'Local'], 'spec.externalTrafficPolicy'));
  errors.push(...oneOf(internalTrafficPolicy, ['Cluster', 'Local'], 'spec.internalTrafficPolicy'));
  errors.push(...validateClass(spec));
  if (type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts !== undefined) {
      errors.push(forbidden('spec.allocateLoadBalancerNodePorts', ONLY));
    }
  }
  return [...errors, ...validateSourceRanges(spec), ...validateDistribution(spec), ...validateHealthPort(spec)];
}

function validateClass({ type, loadBalancerClass }: ServiceSpec): FieldError[] {
  const field = 'spec.loadBalancerClass';
  if (loadBalancerClass === undefined) return [];
  return type === 'LoadBalancer' ? named(qualifiedNameErrors, loadBalancerClass, field) : [forbidden(field, ONLY)];
}

function validateSourceRanges({ type, loadBalancerSourceRanges: ranges = [] }: ServiceSpec): FieldError[] {
  if (ranges.length === 0) return [];
  const field = 'spec.LoadBalancerSourceRanges'; // as upstream spells it
  const why = "may only be used when `type` is 'LoadBalancer'";
  return [
    ...(type === 'LoadBalancer' ? [] : [forbidden(field, why)]),
    ...ranges.flatMap((range, i) => block(range.trim(), `${field}[${i}]`)),
  ];
}

function validateDistribution({ trafficDistribution }: ServiceSpec): FieldError[] {
  const known = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  return oneOf(trafficDistribution, known, 'spec.trafficDistribution');
}

function validateHealthPort({ type, externalTrafficPolicy, healthCheckNodePort }: ServiceSpec): FieldError[] {
  if (!healthCheckNodePort || (type === 'LoadBalancer' && externalTrafficPolicy === 'Local')) return [];
  const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [invalid('spec.healthCheckNodePort', healthCheckNodePort, why)];
}

function validateLoadBalancer({ ingress = [] }: LoadBalancerStatus, { type }: ServiceSpec): FieldError[] {
  const field = 'status.loadBalancer.ingress';
  if (ingress.length > 0 && type !== 'LoadBalancer') {
    return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap(({ ip, hostname, ipMode }, i) => {
    const at = `${field}[${i}]`;
    const errors = ip ? address(ip, `${at}.ip`) : [];
    if (ip && ipMode === undefined) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    if (!ip && ipMode !== undefined)
      errors.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    errors.push(...oneOf(ipMode, ['Proxy', 'VIP'], `${at}.ipMode`));
    if (hostname) errors.push(...named(dns1123SubdomainErrors, hostname, `${at}.hostname`));
    return errors;
  });
}

/** Addresses and the health check's port, once given, stay. */
export function validateServiceUpdate(
  { spec = {} }: Service,
  { spec: old = {} }: Service,
  subresource: string,
): FieldError[] {
  if (subresource !== '') return [];
  const errors: FieldError[] = [];
  if (spec.type !== 'ExternalName' && old.type !== 'ExternalName') {
    const [is, was] = [isHeadless(spec), isHeadless(old)];
    if (!is || !was) errors.push(...validateAddressChange(spec, old));
    if (!is && !was) errors.push(...validateFamilyChange(spec, old));
  }
  if (old.healthCheckNodePort && spec.healthCheckNodePort && spec.healthCheckNodePort !== old.healthCheckNodePort) {
    errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  }
  const both = old.type === 'LoadBalancer' && spec.type === 'LoadBalancer';
  if (both && old.loadBalancerClass !== spec.loadBalancerClass) {
    errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
  }
  // Upstream looks twice, and says so.
  errors.push(...validateClass(spec));
  return errors;
}

const isHeadless = ({ clusterIPs }: ServiceSpec): boolean => clusterIPs?.length === 1 && clusterIPs[0] === 'None';

/** The first address stays; a second one may come, and go when the policy says so. */
function validateAddressChange(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  const [is, was] = [spec.clusterIPs ?? [], old.clusterIPs ?? []];
  const stays = (i: number): FieldError =>
    invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs ?? null, 'may not change once set');
  if (is.length === was.length) return was.flatMap((ip, i) => (ip === is[i] ? [] : [stays(i)]));
  if (is.length === 0)
    return [invalid('spec.clusterIPs[0]', spec.clusterIPs ?? null, 'primary clusterIP can not be unset')];
  const errors = was.length > 0 && is[0] !== was[0] ? [stays(0)] : [];
  return is.length < was.length ? [...errors, ...releasing(spec, 'clusterIP')] : errors;
}

function validateFamilyChange(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  const [is, was] = [spec.ipFamilies ?? [], old.ipFamilies ?? []];
  const stays = (value: unknown): FieldError => invalid('spec.ipFamilies[0]', value, 'may not change once set');
  if (is.length === was.length) return was.flatMap((family, i) => (family === is[i] ? [] : [stays(is)]));
  const errors = was.length > 0 && is.length > 0 && is[0] !== was[0] ? [stays(spec.clusterIPs ?? null)] : [];
  return is.length < was.length ? [...errors, ...releasing(spec, 'ipFamily')] : errors;
}

function releasing({ ipFamilyPolicy: policy }: ServiceSpec, what: string): FieldError[] {
  if (policy === 'SingleStack') return [];
  const why = `must be set to 'SingleStack' when releasing the secondary ${what}`;
  return [invalid('spec.ipFamilyPolicy', policy ?? null, why)];
}
