// What an Ingress and an IngressClass may say (k8s.io/kubernetes v1.36 pkg/apis/networking/validation).
import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../field.ts';
import { parseAddress } from '../ip.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  pathSegmentErrors,
  portNameErrors,
  portNumberErrors,
  wildcardSubdomainErrors,
} from '../selectors/syntax.ts';
import type { TypedLocalObjectReference } from '../types/core.v1.ts';
import type {
  HTTPIngressPath,
  IngressBackend,
  IngressClassParametersReference,
  IngressClassSpec,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
  IngressTLS,
} from '../types/networking.v1.ts';
import { named } from './checks.ts';
import { domainPath } from './job-validation.ts';
import { type Check, each, maybe, needed, structOf, unlessEmpty } from './rule-table.ts';

const MAX_CONTROLLER = 250;
const ODD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const ODD_ENDS = ['/..', '/.'];

const segment: Check<string> = (text, field) => named(pathSegmentErrors, text, field);
const subdomain: Check<string> = (text, field) => named(dns1123SubdomainErrors, text, field);

/** `old`: what is replaced: secrets with names that were let in before stay. */
export function validateIngress(spec: IngressSpec, old: IngressSpec | undefined): FieldError[] {
  const { defaultBackend, rules = [], tls, ingressClassName } = spec;
  const isLenient = old?.tls?.some(({ secretName }) => secretName && dns1123SubdomainErrors(secretName).length > 0);
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) {
    errors.push(invalid('spec', spec.rules ?? [], 'either `defaultBackend` or `rules` must be specified'));
  }
  return [
    ...errors,
    ...maybe(backend)(defaultBackend, 'spec.defaultBackend'),
    ...each(rule)(rules, 'spec.rules'),
    ...each(structOf<IngressTLS>({ hosts: each(host), secretName: isLenient ? () => [] : unlessEmpty(subdomain) }))(
      tls,
      'spec.tls',
    ),
    ...maybe(subdomain)(ingressClassName, 'spec.ingressClassName'),
  ];
}

const host: Check<string> = (name, field) =>
  named(name.includes('*') ? wildcardSubdomainErrors : dns1123SubdomainErrors, name, field);

function rule({ host: name, http }: IngressRule, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name && parseAddress(name)) {
    errors.push(invalid(`${field}.host`, name, 'must be a DNS name, not an IP address'));
  }
  if (name) errors.push(...host(name, `${field}.host`));
  if (!http) return errors;
  if (!http.paths?.length) return [...errors, required(`${field}.http.paths`)];
  return [...errors, ...each(httpPath)(http.paths, `${field}.http.paths`)];
}

function httpPath({ path = '', pathType, backend: to }: HTTPIngressPath, field: string): FieldError[] {
  if (pathType === undefined) return [required(`${field}.pathType`, 'pathType must be specified')];
  return [...validatePath(path, pathType, field), ...backend(to ?? {}, `${field}.backend`)];
}

function validatePath(path: string, pathType: string, field: string): FieldError[] {
  const at = `${field}.path`;
  const absolute = path.startsWith('/') ? [] : [invalid(at, path, 'must be an absolute path')];
  switch (pathType) {
    case 'ImplementationSpecific':
      return path ? absolute : [];
    case 'Exact':
    case 'Prefix':
      return [
        ...absolute,
        ...ODD_SEQUENCES.filter((odd) => path.includes(odd)).map((odd) =>
          invalid(at, path, `must not contain '${odd}'`),
        ),
        ...ODD_ENDS.filter((odd) => path.endsWith(odd)).map((odd) => invalid(at, path, `cannot end with '${odd}'`)),
      ];
    default:
      return [notSupported(`${field}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix'])];
  }
}

function backend({ resource, service }: IngressBackend, field: string): FieldError[] {
  if (resource && service) return [invalid(field, '', 'cannot set both resource and service backends')];
  if (resource) return objectReference(resource, `${field}.resource`);
  if (service) return serviceBackend(service, field);
  return [invalid(field, '', 'resource or service backend is required')];
}

function serviceBackend({ name, port = {} }: IngressServiceBackend, field: string): FieldError[] {
  const errors = needed<string>((text, at) => named(dns1123LabelErrors, text, at))(name, `${field}.service.name`);
  const at = `${field}.service.port`;
  if (port.name && port.number) return [...errors, invalid(field, '', 'cannot set both port name & port number')];
  if (port.name) return [...errors, ...named(portNameErrors, port.name, `${at}.name`)];
  if (!port.number) return [...errors, required(field, 'port name or number is required')];
  return [...errors, ...portNumberErrors(port.number).map((why) => invalid(`${at}.number`, port.number, why))];
}

const objectReference = structOf<TypedLocalObjectReference>({
  apiGroup: maybe(subdomain),
  kind: needed(segment),
  name: needed(segment),
});

export function validateIngressClass({ controller = '', parameters }: IngressClassSpec): FieldError[] {
  const field = 'spec.controller';
  const errors = controller.length > MAX_CONTROLLER ? [tooLong(field, MAX_CONTROLLER)] : [];
  return [...errors, ...domainPath(controller, field), ...maybe(classParameters)(parameters, 'spec.parameters')];
}

function classParameters(parameters: IngressClassParametersReference, field: string): FieldError[] {
  const { scope = '', namespace } = parameters;
  const errors = objectReference(parameters, field);
  const at = `${field}.namespace`;
  switch (scope) {
    case 'Namespace':
      if (namespace === undefined) return [...errors, required(at, "`parameters.scope` is set to 'Namespace'")];
      return [...errors, ...named(dns1123LabelErrors, namespace, at)];
    case 'Cluster':
      return namespace === undefined ? errors : [...errors, forbidden(at, "`parameters.scope` is set to 'Cluster'")];
    default:
      return [...errors, notSupported(`${field}.scope`, scope, ['Cluster', 'Namespace'])];
  }
}
