// What a container of a pod must be (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, notFound, required } from '../field.ts';
import { ownValue } from '../object.ts';
import { parseQuantity } from '../quantity.ts';
import { dns1123LabelErrors, envNameErrors, portNameErrors, portNumberErrors } from '../selectors/syntax.ts';
import type { Container, ContainerPort, EnvVar, PodSpec, ResourceRequirements } from '../types/core.v1.ts';
import { NOT_NEGATIVE, named, oneOf } from './checks.ts';
import { validateHandler, validateProbe } from './probe.ts';

/** `volumes`: the names that mounts may name. */
export function validateContainers(
  containers: readonly Container[],
  volumes: ReadonlySet<string>,
  spec: PodSpec,
  field: string,
): FieldError[] {
  if (containers.length === 0) return [required(field)];
  const taken = new Set<string>();
  const errors = containers.flatMap((container, i) => {
    const found = [
      ...validateContainer(container, volumes, spec, `${field}[${i}]`),
      ...validateProbes(container, `${field}[${i}]`),
    ];
    if (container.name && taken.has(container.name)) found.push(duplicate(`${field}[${i}].name`, container.name));
    taken.add(container.name);
    return found;
  });
  return [...errors, ...hostPortConflicts(containers, field)];
}

export function validateInitContainers(spec: PodSpec, volumes: ReadonlySet<string>, field: string): FieldError[] {
  const taken = new Set((spec.containers ?? []).map(({ name }) => name));
  return (spec.initContainers ?? []).flatMap((container, i) => {
    const errors = validateContainer(container, volumes, spec, `${field}[${i}]`);
    if (taken.has(container.name)) errors.push(duplicate(`${field}[${i}].name`, container.name));
    taken.add(container.name);
    if (container.restartPolicy === 'Always') return [...errors, ...validateProbes(container, `${field}[${i}]`)];
    for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const) {
      if (container[probe]) {
        errors.push(
          forbidden(`${field}[${i}].${probe}`, 'may not be set for init containers without restartPolicy=Always'),
        );
      }
    }
    return errors;
  });
}

function validateContainer(
  container: Container,
  volumes: ReadonlySet<string>,
  spec: PodSpec,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!container.name) errors.push(required(`${field}.name`));
  else errors.push(...named(dns1123LabelErrors, container.name, `${field}.name`));
  if (!container.image) errors.push(required(`${field}.image`));
  else if (container.image !== container.image.trim()) {
    errors.push(invalid(`${field}.image`, container.image, 'must not have leading or trailing whitespace'));
  }
  return [
    ...errors,
    ...oneOf(
      container.terminationMessagePolicy,
      ['FallbackToLogsOnError', 'File'],
      `${field}.terminationMessagePolicy`,
    ),
    ...validatePorts(container.ports ?? [], spec, `${field}.ports`),
    ...(container.env ?? []).flatMap((variable, i) => validateEnv(variable, `${field}.env[${i}]`)),
    ...validateMounts(container, volumes, `${field}.volumeMounts`),
    ...oneOf(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${field}.imagePullPolicy`),
    ...validateResources(container.resources ?? {}, `${field}.resources`),
  ];
}

/** What only containers that keep running may have. */
function validateProbes(container: Container, field: string): FieldError[] {
  return [
    ...validateProbe(container.livenessProbe, `${field}.livenessProbe`, 'one success is enough'),
    ...validateProbe(container.readinessProbe, `${field}.readinessProbe`),
    ...validateProbe(container.startupProbe, `${field}.startupProbe`, 'one success is enough'),
    ...validateHandler(container.lifecycle?.postStart, `${field}.lifecycle.postStart`),
    ...validateHandler(container.lifecycle?.preStop, `${field}.lifecycle.preStop`),
  ];
}

function validateMounts({ volumeMounts = [] }: Container, volumes: ReadonlySet<string>, field: string): FieldError[] {
  const paths = new Set<string>();
  return volumeMounts.flatMap(({ name, mountPath }, i) => {
    const errors: FieldError[] = [];
    if (!name) errors.push(required(`${field}[${i}].name`));
    if (!volumes.has(name)) errors.push(notFound(`${field}[${i}].name`, name ?? ''));
    if (!mountPath) errors.push(required(`${field}[${i}].mountPath`));
    if (paths.has(mountPath)) errors.push(invalid(`${field}[${i}].mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    return errors;
  });
}

function validatePorts(ports: readonly ContainerPort[], spec: PodSpec, field: string): FieldError[] {
  const taken = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const at = `${field}[${i}]`;
    if (name) {
      errors.push(...named(portNameErrors, name, `${at}.name`));
      if (taken.has(name)) errors.push(duplicate(`${at}.name`, name));
      taken.add(name);
    }
    if (!containerPort) errors.push(required(`${at}.containerPort`));
    else
      errors.push(...portNumberErrors(containerPort).map((why) => invalid(`${at}.containerPort`, containerPort, why)));
    if (hostPort) errors.push(...portNumberErrors(hostPort).map((why) => invalid(`${at}.hostPort`, hostPort, why)));
    errors.push(...oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${at}.protocol`));
    if (spec.hostNetwork && hostPort !== containerPort) {
      errors.push(invalid(`${at}.hostPort`, hostPort ?? 0, 'must match `containerPort` when `hostNetwork` is true'));
    }
  }
  return errors;
}

function hostPortConflicts(containers: readonly Container[], field: string): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort, hostIP = '', protocol = 'TCP' }, j) => {
      if (!hostPort) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key))
        return [duplicate(`${field}[${i}].ports[${j}].hostPort`, `${protocol}/${hostIP}/${hostPort}`)];
      taken.add(key);
      return [];
    }),
  );
}

const DOWNWARD = new Set([
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

function validateEnv({ name, value, valueFrom }: EnvVar, field: string): FieldError[] {
  const errors = name ? named(envNameErrors, name, `${field}.name`) : [required(`${field}.name`)];
  if (!valueFrom) return errors;
  const path = valueFrom.fieldRef?.fieldPath;
  if (valueFrom.fieldRef && !path) errors.push(required(`${field}.valueFrom.fieldRef.fieldPath`));
  if (path && !DOWNWARD.has(path) && !/^metadata\.(labels|annotations)\['.+'\]$/.test(path)) {
    const why = `error converting fieldPath: field label not supported: ${path}`;
    errors.push(invalid(`${field}.valueFrom.fieldRef.fieldPath`, path, why));
  }
  if (value) errors.push(invalid(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty'));
  else if (Object.keys(valueFrom).length > 1) {
    errors.push(invalid(`${field}.valueFrom`, '', 'may not have more than one field specified at a time'));
  } else if (Object.keys(valueFrom).length === 0) {
    errors.push(
      invalid(
        `${field}.valueFrom`,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
    );
  }
  return errors;
}

function validateResources({ requests = {}, limits = {} }: ResourceRequirements, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [list, quantities] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const [name, quantity] of Object.entries(quantities)) {
      if (String(quantity).startsWith('-')) errors.push(invalid(`${field}.${list}[${name}]`, quantity, NOT_NEGATIVE));
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = ownValue(limits, name);
    if (limit === undefined || parseQuantity(String(request)).compare(parseQuantity(String(limit))) <= 0) continue;
    errors.push(invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`));
  }
  return errors;
}
