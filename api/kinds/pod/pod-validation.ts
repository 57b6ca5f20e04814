// What a pod's spec must be, in pods and in pod templates alike (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, notFound, required, tooLong } from '../../field.ts';
import { validateAnnotations, validateLabels } from '../../metadata.ts';
import type { ObjectMeta } from '../../object.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  qualifiedNameErrors,
  underscoredSubdomainErrors,
} from '../../selectors/syntax.ts';
import type {
  HostAlias,
  PodDNSConfig,
  PodResourceClaim,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../types/core.v1.ts';
import { address, named } from '../checks.ts';
import { among, type Check, each, maybe, needed, structOf, unlessEmpty } from '../rule-table.ts';
import { validateAffinity, validateSpread } from './affinity.ts';
import {
  type Surroundings,
  trimmedImage,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from './container-validation.ts';
import { validatePodResources, validateResources } from './resource-requirements.ts';
import { validateHostUsers, validatePodSecurityContext } from './security-context.ts';
import { validateTolerations } from './tolerations.ts';
import { between } from './volume-source.ts';
import { validateVolumes } from './volumes.ts';
import { validateHostProcess, validateSystem } from './windows.ts';

const MAX_SECONDS = 2147483647;
const MAX_HOSTNAME = 64;
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_LIST = 2048;

const label: Check<string> = (text, field) => named(dns1123LabelErrors, text, field);
const subdomain: Check<string> = (text, field) => named(dns1123SubdomainErrors, text, field);

export function validatePodTemplate(template: PodTemplateSpec, field: string): FieldError[] {
  const spec = template.spec ?? { containers: [] };
  const errors = [
    ...validateLabels(template.metadata?.labels, `${field}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${field}.annotations`),
    ...validateSpec(spec, undefined, `${field}.spec`),
  ];
  if (!spec.ephemeralContainers?.length) return errors;
  const at = `${field}.spec.ephemeralContainers`;
  return [...errors, forbidden(at, 'ephemeral containers not allowed in pod template')];
}

/** Of a pod itself, which is looked at more closely than a template. */
export function validatePodSpec(spec: PodSpec, metadata: ObjectMeta, field: string): FieldError[] {
  const errors = validateSpec(spec, metadata, field);
  if (!spec.serviceAccountName) errors.push(...tokensWithoutAccount(spec, field));
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      errors.push(...trimmedImage(container, `${field}.${list}[${i}]`));
    }
  }
  return errors;
}

function tokensWithoutAccount({ volumes = [] }: PodSpec, field: string): FieldError[] {
  return volumes.flatMap(({ projected }, i) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, j) => {
      if (!serviceAccountToken) return [];
      const at = `${field}.volumes[${i}].projected.sources[${j}].serviceAccountToken`;
      return [forbidden(at, 'must not be specified when serviceAccountName is not set')];
    }),
  );
}

const choices = structOf<PodSpec>({
  restartPolicy: maybe(among('Always', 'OnFailure', 'Never')),
  dnsPolicy: maybe(among('ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None')),
  nodeSelector: validateLabels,
});

const gates = structOf<PodSpec>({
  readinessGates: each(({ conditionType }, field) =>
    named(qualifiedNameErrors, conditionType ?? '', `${field}.conditionType`),
  ),
  schedulingGates: (schedulingGates = [], field) =>
    schedulingGates.flatMap(({ name = '' }, i) => [
      ...named(qualifiedNameErrors, name, `${field}[${i}]`),
      ...(schedulingGates.findIndex((other) => other.name === name) < i ? [duplicate(`${field}[${i}]`, name)] : []),
    ]),
  topologySpreadConstraints: (constraints, field) => (constraints ? validateSpread(constraints, field) : []),
});

const names = structOf<PodSpec>({
  serviceAccountName: unlessEmpty(subdomain),
  nodeName: unlessEmpty(subdomain),
  activeDeadlineSeconds: maybe(between(1, MAX_SECONDS)),
  hostname: unlessEmpty(label),
  subdomain: unlessEmpty(label),
  tolerations: validateTolerations,
  hostAliases: each(structOf<HostAlias>({ ip: (ip = '', field) => address(ip, field), hostnames: each(subdomain) })),
  priorityClassName: unlessEmpty(subdomain),
  runtimeClassName: maybe(subdomain),
  preemptionPolicy: maybe(needed(among('PreemptLowerPriority', 'Never'))),
  overhead: maybe((limits, field) => validateResources({ limits }, new Set(), field)),
});

/** `metadata`: of a pod; absent for a template. */
function validateSpec(given: PodSpec, metadata: ObjectMeta | undefined, field: string): FieldError[] {
  // A list of none is null, once it was printed.
  const spec = given.containers ? given : { ...given, containers: [] };
  const volumes = new Map<string, Volume>();
  const around: Surroundings = {
    spec,
    volumes,
    claims: new Set((spec.resourceClaims ?? []).map(({ name }) => name)),
    of: metadata ? 'pod' : 'template',
  };
  return [
    ...validateVolumes(spec.volumes ?? [], metadata?.name, volumes, `${field}.volumes`),
    ...validateClaims(spec.resourceClaims ?? [], `${field}.resourceClaims`),
    ...validateContainers(around, `${field}.containers`),
    ...validateInitContainers(around, `${field}.initContainers`),
    ...validateEphemeralContainers(around, `${field}.ephemeralContainers`),
    ...validatePodResources(spec, around.claims, `${field}.resources`),
    ...validateHostPorts(around, `${field}.containers`),
    ...choices(spec, field),
    ...validatePodSecurityContext(spec, `${field}.securityContext`),
    ...maybe(validateAffinity)(spec.affinity, `${field}.affinity`),
    ...validateDns(spec, `${field}.dnsConfig`),
    ...gates(spec, field),
    ...validateHostProcess(spec, field),
    ...validateHostUsers(spec, field),
    ...validateHostname(spec, `${field}.hostnameOverride`),
    ...names(spec, field),
    ...validateSystem(spec, field),
    ...validateFileVariables(spec, field),
  ];
}

function validateClaims(claims: readonly PodResourceClaim[], field: string): FieldError[] {
  const taken = new Set<string>();
  return claims.flatMap((claim, i) => {
    const { name = '', resourceClaimName: existing, resourceClaimTemplateName: template } = claim;
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(`${at}.name`));
    else if (taken.has(name)) errors.push(duplicate(`${at}.name`, name));
    else errors.push(...label(name, `${at}.name`));
    taken.add(name);
    const said = { Name: name, ResourceClaimName: existing ?? null, ResourceClaimTemplateName: template ?? null };
    if (existing !== undefined && template !== undefined) {
      const why = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      errors.push(invalid(at, said, why));
    }
    if (existing === undefined && template === undefined) {
      errors.push(invalid(at, said, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    }
    return [
      ...errors,
      ...maybe(subdomain)(existing, `${at}.resourceClaimName`),
      ...maybe(subdomain)(template, `${at}.resourceClaimTemplateName`),
    ];
  });
}

/** In the node's network, a port is the node's. A template may leave the host's port to its pods. */
function validateHostPorts({ spec, of }: Surroundings, field: string): FieldError[] {
  if (!spec.hostNetwork) return [];
  return (spec.containers ?? []).flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort = 0, containerPort = 0 }, j) => {
      if (hostPort === containerPort || (of === 'template' && hostPort === 0)) return [];
      const at = `${field}[${i}].ports[${j}].hostPort`;
      return [invalid(at, hostPort, 'must match `containerPort` when `hostNetwork` is true')];
    }),
  );
}

function validateDns({ dnsPolicy, dnsConfig: config }: PodSpec, field: string): FieldError[] {
  if (dnsPolicy === 'None') {
    if (!config) return [required(field, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (!config.nameservers?.length) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      return [required(`${field}.nameservers`, why)];
    }
  }
  return config ? validateDnsConfig(config, field) : [];
}

function validateDnsConfig(
  { nameservers = [], searches = [], options = [] }: PodDNSConfig,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const limit = (name: string, value: readonly string[], what: string): void => {
    errors.push(invalid(`${field}.${name}`, value, `must not have more than ${what}`));
  };
  if (nameservers.length > MAX_NAMESERVERS) limit('nameservers', nameservers, `${MAX_NAMESERVERS} nameservers`);
  errors.push(...nameservers.flatMap((one, i) => address(one, `${field}.nameservers[${i}]`)));
  if (searches.length > MAX_SEARCHES) limit('searches', searches, `${MAX_SEARCHES} search paths`);
  if (searches.join(' ').length > MAX_SEARCH_LIST) {
    limit('searches', searches, `${MAX_SEARCH_LIST} characters (including spaces) in the search list`);
  }
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue;
    errors.push(...named(underscoredSubdomainErrors, search.replace(/\.$/, ''), `${field}.searches[${i}]`));
  }
  for (const [i, { name }] of options.entries()) {
    if (!name) errors.push(required(`${field}.options[${i}]`, 'must not be empty'));
  }
  return errors;
}

function validateHostname(spec: PodSpec, field: string): FieldError[] {
  const { hostnameOverride: name, setHostnameAsFQDN, hostNetwork } = spec;
  if (name === undefined) return [];
  const errors: FieldError[] = [];
  if (setHostnameAsFQDN) errors.push(forbidden(field, 'may not be specified when setHostnameAsFQDN is true'));
  if (hostNetwork) errors.push(forbidden(field, 'may not be specified when hostNetwork is true'));
  if (name.length > MAX_HOSTNAME) errors.push(tooLong(field, MAX_HOSTNAME));
  return [...errors, ...subdomain(name, field)];
}

/** A file of variables lies in an emptyDir. */
function validateFileVariables(spec: PodSpec, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, { env = [] }] of (spec[list] ?? []).entries()) {
      for (const [j, { valueFrom }] of env.entries()) {
        if (!valueFrom?.fileKeyRef) continue;
        const name = valueFrom.fileKeyRef.volumeName ?? '';
        const volume = spec.volumes?.find((one) => one.name === name);
        const at = `${field}.${list}[${i}].env[${j}].valueFrom.fileKeyRef.volumeName`;
        if (!volume) errors.push(notFound(at, name));
        else if (!volume.emptyDir) errors.push(invalid(at, name, 'referenced volume must be of type emptyDir'));
      }
    }
  }
  return errors;
}
