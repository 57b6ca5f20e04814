// NetworkPolicy of networking.k8s.io/v1.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, invalid, required } from '../field.ts';
import { containsBlock, parseBlock } from '../ip.ts';
import type { Rules } from '../kind.ts';
import { formatLabelSelector } from '../selectors/labels.ts';
import { portNameErrors, portNumberErrors } from '../selectors/syntax.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../types/networking.v1.ts';
import { block, labelSelector, named, oneOf } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';

export const networkPolicy: Rules<NetworkPolicy> = {
  default({ spec }) {
    if (!spec) return;
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
    spec.policyTypes ??= spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec }) {
    if (!spec) return [];
    return [
      ...labelSelector(spec.podSelector, 'spec.podSelector'),
      ...(spec.ingress ?? []).flatMap(({ ports, from }, i) => validateRule(ports, from, `spec.ingress[${i}]`, 'from')),
      ...(spec.egress ?? []).flatMap(({ ports, to }, i) => validateRule(ports, to, `spec.egress[${i}]`, 'to')),
      ...validateTypes(spec.policyTypes ?? [], 'spec.policyTypes'),
    ];
  },

  cells: ({ metadata, spec }, now) => [
    metadata.name,
    formatLabelSelector(spec?.podSelector),
    ageOf(metadata.creationTimestamp, now),
  ],
};

function validateTypes(types: readonly string[], field: string): FieldError[] {
  if (types.length > 2) return [invalid(field, types, 'may not specify more than two policyTypes')];
  return types.flatMap((type, i) => oneOf(type, ['Ingress', 'Egress'], `${field}[${i}]`));
}

function validateRule(
  ports: readonly NetworkPolicyPort[] = [],
  peers: readonly NetworkPolicyPeer[] = [],
  field: string,
  side: 'from' | 'to',
): FieldError[] {
  return [
    ...ports.flatMap((port, i) => validatePort(port, `${field}.ports[${i}]`)),
    ...peers.flatMap((peer, i) => validatePeer(peer, `${field}.${side}[${i}]`)),
  ];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, field: string): FieldError[] {
  const errors = oneOf(protocol, ['TCP', 'UDP', 'SCTP'], `${field}.protocol`);
  if (typeof port === 'number') {
    errors.push(...portNumberErrors(port).map((error) => invalid(`${field}.port`, port, error)));
    if (endPort !== undefined && endPort < port) {
      errors.push(invalid(`${field}.endPort`, port, 'must be greater than or equal to `port`'));
    }
    if (endPort !== undefined) {
      errors.push(...portNumberErrors(endPort).map((error) => invalid(`${field}.endPort`, endPort, error)));
    }
  } else if (port !== undefined) errors.push(...named(portNameErrors, port, `${field}.port`));
  if (endPort !== undefined && typeof port === 'string') {
    errors.push(invalid(`${field}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
  }
  if (endPort !== undefined && port === undefined) {
    errors.push(invalid(`${field}.endPort`, endPort, 'may not be specified when `port` is not specified'));
  }
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, field: string): FieldError[] {
  const errors = [
    ...labelSelector(podSelector, `${field}.podSelector`),
    ...labelSelector(namespaceSelector, `${field}.namespaceSelector`),
    ...(ipBlock ? validateIpBlock(ipBlock, `${field}.ipBlock`) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(field, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(forbidden(field, 'may not specify both ipBlock and another peer'));
  }
  return errors;
}

function validateIpBlock({ cidr, except = [] }: IPBlock, field: string): FieldError[] {
  if (!cidr) return [required(`${field}.cidr`)];
  const errors = block(cidr, `${field}.cidr`);
  const outer = parseBlock(cidr);
  if (!outer) return errors;
  for (const [i, text] of except.entries()) {
    const at = `${field}.except[${i}]`;
    errors.push(...block(text, at));
    const inner = parseBlock(text);
    if (!inner || (containsBlock(outer, inner) && inner.prefix > outer.prefix)) continue;
    errors.push(invalid(at, text, 'must be a strict subset of `cidr`'));
  }
  return errors;
}
