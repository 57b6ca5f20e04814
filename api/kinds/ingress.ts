// Ingress and IngressClass of networking.k8s.io/v1.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { Ingress, IngressClass, IngressSpec } from '../types/networking.v1.ts';
import { immutable } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { validateIngress, validateIngressClass } from './ingress-validation.ts';

export const ingress: Rules<Ingress> = {
  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: ({ spec }, old) => validateIngress(spec ?? {}, old?.spec),

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.ingressClassName ?? '<none>',
    formatHosts(spec?.rules ?? []),
    (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').join(','),
    spec?.tls?.length ? '80, 443' : '80',
    ageOf(metadata.creationTimestamp, now),
  ],
};

function formatHosts(rules: NonNullable<IngressSpec['rules']>): string {
  const hosts = rules.flatMap(({ host }) => host || []);
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
}

export const ingressClass: Rules<IngressClass> = {
  default({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: ({ spec }) => validateIngressClass(spec ?? {}),

  validateUpdate: (object, old) => immutable(object.spec?.controller, old.spec?.controller, 'spec.controller'),

  cells({ metadata, spec }, now) {
    const { apiGroup, kind, name } = spec?.parameters ?? { kind: '', name: '' };
    const reference = apiGroup ? `${kind}.${apiGroup}/${name}` : `${kind}/${name}`;
    return [
      metadata.name,
      spec?.controller ?? '',
      spec?.parameters ? reference : '<none>',
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};
