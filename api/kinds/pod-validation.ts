// What a pod's spec must be, in pods and in pod templates alike (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, required } from '../field.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors, qualifiedNameErrors } from '../selectors/syntax.ts';
import type { PodSpec, PodTemplateSpec, Toleration, Volume } from '../types/core.v1.ts';
import { address, named, nonNegative, oneOf } from './checks.ts';
import { validateContainers, validateInitContainers } from './container-validation.ts';

export function validatePodTemplate(template: PodTemplateSpec, field: string): FieldError[] {
  return [
    ...validateLabels(template.metadata?.labels, `${field}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${field}.annotations`),
    ...validatePodSpec(template.spec ?? { containers: [] }, `${field}.spec`),
  ];
}

export function validatePodSpec(spec: PodSpec, field: string): FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  return [
    ...validateVolumes(spec.volumes ?? [], `${field}.volumes`),
    ...validateContainers(spec.containers ?? [], volumes, spec, `${field}.containers`),
    ...validateInitContainers(spec, volumes, `${field}.initContainers`),
    ...oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${field}.restartPolicy`),
    ...oneOf(spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'], `${field}.dnsPolicy`),
    ...validateDns(spec, field),
    ...names(spec, field),
    ...validateDeadlines(spec, field),
    ...validateTolerations(spec.tolerations ?? [], `${field}.tolerations`),
    ...validateHostAliases(spec, `${field}.hostAliases`),
  ];
}

function validateHostAliases(spec: PodSpec, field: string): FieldError[] {
  return (spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, i) => [
    ...address(ip, `${field}[${i}].ip`),
    ...hostnames.flatMap((name, j) => named(dns1123SubdomainErrors, name, `${field}[${i}].hostnames[${j}]`)),
  ]);
}

function names(spec: PodSpec, field: string): FieldError[] {
  const errors = validateLabels(spec.nodeSelector, `${field}.nodeSelector`);
  if (spec.serviceAccountName) {
    errors.push(...named(dns1123SubdomainErrors, spec.serviceAccountName, `${field}.serviceAccountName`));
  }
  if (spec.nodeName) errors.push(...named(dns1123SubdomainErrors, spec.nodeName, `${field}.nodeName`));
  if (spec.hostname) errors.push(...named(dns1123LabelErrors, spec.hostname, `${field}.hostname`));
  if (spec.subdomain) errors.push(...named(dns1123LabelErrors, spec.subdomain, `${field}.subdomain`));
  return errors;
}

function validateDeadlines(spec: PodSpec, field: string): FieldError[] {
  const { activeDeadlineSeconds: deadline, terminationGracePeriodSeconds: grace } = spec;
  const errors = nonNegative(grace, `${field}.terminationGracePeriodSeconds`);
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647)) {
    errors.push(invalid(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive'));
  }
  return errors;
}

function validateDns(spec: PodSpec, field: string): FieldError[] {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None' && !config) {
    return [required(`${field}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  }
  const errors = (config?.nameservers ?? []).flatMap((one, i) => address(one, `${field}.dnsConfig.nameservers[${i}]`));
  if (spec.dnsPolicy === 'None' && !config?.nameservers?.length) {
    errors.push(
      required(`${field}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
    );
  }
  return errors;
}

function validateTolerations(tolerations: readonly Toleration[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { key, operator, value, effect, tolerationSeconds }] of tolerations.entries()) {
    const at = `${field}[${i}]`;
    if (key) errors.push(...named(qualifiedNameErrors, key, `${at}.key`));
    if (!key && operator !== 'Exists') {
      errors.push(
        invalid(
          `${at}.operator`,
          operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Exists' && value) {
      errors.push(
        invalid(`${at}.operator`, toleration(operator, value), "value must be empty when `operator` is 'Exists'"),
      );
    }
    errors.push(...oneOf(operator, ['Equal', 'Exists', 'Gt', 'Lt'], `${at}.operator`));
    if (effect) errors.push(...oneOf(effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], `${at}.effect`));
  }
  return errors;
}

const toleration = (operator: string, value: string): unknown => ({ operator, value });

function validateVolumes(volumes: readonly Volume[], field: string): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, volume] of volumes.entries()) {
    const at = `${field}[${i}]`;
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    errors.push(
      ...sources.slice(1).map((source) => forbidden(`${at}.${source}`, 'may not specify more than 1 volume type')),
    );
    if (sources.length === 0) errors.push(required(at, 'must specify a volume type'));
    if (!volume.name) errors.push(required(`${at}.name`));
    else errors.push(...named(dns1123LabelErrors, volume.name, `${at}.name`));
    if (volume.name && seen.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
    if (volume.hostPath && !volume.hostPath.path) errors.push(required(`${at}.hostPath.path`));
    if (volume.secret && !volume.secret.secretName) errors.push(required(`${at}.secret.secretName`));
    if (volume.configMap && !volume.configMap.name) errors.push(required(`${at}.configMap.name`));
    if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) {
      errors.push(required(`${at}.persistentVolumeClaim.claimName`));
    }
    seen.add(volume.name);
  }
  return errors;
}
