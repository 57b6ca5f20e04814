// Ingress and IngressClass of networking.k8s.io/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { Ingress, IngressClass, IngressSpec } from '../types/networking.v1.ts';
import { oneOf } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';

export const ingress: Rules<Ingress> = {
  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec }) {
    if (!spec?.rules?.length && !spec?.defaultBackend) {
      return [invalid('spec', spec?.rules ?? [], 'either `defaultBackend` or `rules` must be specified')];
    }
    return validatePaths(spec);
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.ingressClassName ?? '<none>',
    formatHosts(spec?.rules ?? []),
    (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').join(','),
    spec?.tls?.length ? '80, 443' : '80',
    ageOf(metadata.creationTimestamp, now),
  ],
};

function validatePaths({ rules = [] }: IngressSpec): FieldError[] {
  return rules.flatMap(({ http }, i) =>
    (http?.paths ?? []).flatMap(({ path, pathType }, j) => {
      const field = `spec.rules[${i}].http.paths[${j}]`;
      if (!pathType) return [required(`${field}.pathType`, 'pathType must be specified')];
      const errors = oneOf(pathType, ['Exact', 'ImplementationSpecific', 'Prefix'], `${field}.pathType`);
      if (pathType !== 'ImplementationSpecific' && !path?.startsWith('/')) {
        errors.push(invalid(`${field}.path`, path ?? '', 'must be an absolute path'));
      }
      return errors;
    }),
  );
}

function formatHosts(rules: NonNullable<IngressSpec['rules']>): string {
  const hosts = rules.flatMap(({ host }) => host || []);
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
}

export const ingressClass: Rules<IngressClass> = {
  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

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
