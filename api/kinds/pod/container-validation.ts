// What the containers of a pod must be: those that run, those that prepare, those that debug
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
  tooMany,
} from '../../field.ts';
import { dns1123LabelErrors, portNameErrors, portNumberErrors } from '../../selectors/syntax.ts';
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { among, joined, needed } from '../rule-table.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { type Volumes, validateDevices, validateMounts } from './mounts.ts';
import { validateProbes } from './probe.ts';
import { validateResources } from './resource-requirements.ts';
import { validateSecurityContext } from './security-context.ts';

/** What of its pod a container may name. */
export interface Surroundings {
  readonly spec: PodSpec;
  readonly volumes: Volumes;
  readonly claims: ReadonlySet<string>;
  /** A template is looser: its pods may get what it lacks. */
  readonly of: 'pod' | 'template';
}

const MAX_RESTART_RULES = 20;
const MAX_EXIT_CODES = 255;
const terminationMessagePolicy = needed(among('File', 'FallbackToLogsOnError'));
const imagePullPolicy = needed(among('Always', 'IfNotPresent', 'Never'));
const protocol = needed(among('SCTP', 'TCP', 'UDP'));

export function validateContainers(around: Surroundings, field: string): FieldError[] {
  const { containers = [] } = around.spec;
  if (containers.length === 0) return [required(field)];
  const taken = new Set<string>();
  let errors: FieldError[] = [];
  for (let i = 0; i < containers.length; i++) {
    const [container, at] = [containers[i], `${field}[${i}]`];
    errors = joined(errors, validateContainer(container, around, at));
    if (taken.has(container.name)) errors = joined(errors, [duplicate(`${at}.name`, container.name)]);
    taken.add(container.name);
    errors = joined(errors, validateProbes(container, around.spec, at));
    errors = joined(errors, validateRestart(container, at));
  }
  return joined(errors, hostPortConflicts(containers, field));
}

export function validateInitContainers(around: Surroundings, field: string): FieldError[] {
  const taken = new Set((around.spec.containers ?? []).map(({ name }) => name));
  return (around.spec.initContainers ?? []).flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const errors = [...validateContainer(container, around, at), ...validateInitRestart(container, at)];
    if (taken.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    if (container.name) taken.add(container.name);
    errors.push(...hostPortConflicts([container], field));
    if (container.restartPolicy === 'Always') return [...errors, ...validateProbes(container, around.spec, at)];
    for (const probe of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (!container[probe]) continue;
      errors.push(forbidden(`${at}.${probe}`, 'may not be set for init containers without restartPolicy=Always'));
    }
    for (const [j, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
      if (restartPolicy !== 'RestartContainer') continue;
      const why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.push(invalid(`${at}.resizePolicy[${j}].restartPolicy`, restartPolicy, why));
    }
    return errors;
  });
}

/** In the order of Go's struct. */
const NO_POLICY = 'must specify restartPolicy when restart rules are used';
const NOT_IN_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;
const NOT_THERE = 'cannot be set for an Ephemeral Container';

export function validateEphemeralContainers(around: Surroundings, field: string): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = around.spec;
  const others = new Set([...containers, ...initContainers].map(({ name }) => name));
  const taken = new Set(others);
  return ephemeralContainers.flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const errors = validateContainer(container, around, at);
    errors.push(...trimmedImage(container, at));
    if (taken.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    taken.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFound(`${at}.targetContainerName`, target));
    for (const name of NOT_IN_EPHEMERAL) {
      if (!isEmpty(container[name])) errors.push(forbidden(`${at}.${name}`, NOT_THERE));
    }
    for (const [j, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      if (subPath) errors.push(forbidden(`${at}.volumeMounts[${j}].subPath`, NOT_THERE));
      if (subPathExpr) errors.push(forbidden(`${at}.volumeMounts[${j}].subPathExpr`, NOT_THERE));
    }
    return errors;
  });
}

/** `resources: {}` is always there. */
function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** What every container must be. */
function validateContainer(
  container: Container | EphemeralContainer,
  around: Surroundings,
  field: string,
): FieldError[] {
  const { spec, volumes, claims } = around;
  const errors = container.name
    ? named(dns1123LabelErrors, container.name, `${field}.name`)
    : [required(`${field}.name`)];
  if (!container.image) errors.push(required(`${field}.image`));
  return [
    ...errors,
    ...terminationMessagePolicy(container.terminationMessagePolicy, `${field}.terminationMessagePolicy`),
    ...validatePorts(container.ports ?? [], `${field}.ports`),
    ...validateEnv(container.env, `${field}.env`),
    ...validateEnvFrom(container.envFrom, `${field}.envFrom`),
    ...validateMounts(container, volumes, `${field}.volumeMounts`),
    ...validateDevices(container, volumes, `${field}.volumeDevices`),
    ...imagePullPolicy(container.imagePullPolicy, `${field}.imagePullPolicy`),
    ...validateResources(container.resources ?? {}, claims, `${field}.resources`),
    ...validateResize(container, spec, `${field}.resizePolicy`),
    ...validateSecurityContext(container.securityContext, spec, `${field}.securityContext`),
  ];
}

/** In a pod, not in a template. */
export function trimmedImage({ image = '' }: Container, field: string): FieldError[] {
  if (image === image.trim()) return [];
  return [invalid(`${field}.image`, image, 'must not have leading or trailing whitespace')];
}

function validatePorts(ports: readonly ContainerPort[], field: string): FieldError[] {
  const taken = new Set<string>();
  return ports.flatMap(({ name, containerPort, hostPort, protocol: spoken }, i) => {
    const at = `${field}[${i}]`;
    const errors = name ? named(portNameErrors, name, `${at}.name`) : [];
    if (name && errors.length === 0 && taken.has(name)) errors.push(duplicate(`${at}.name`, name));
    if (name) taken.add(name);
    if (!containerPort) errors.push(required(`${at}.containerPort`));
    else errors.push(...portNumber(containerPort, `${at}.containerPort`));
    if (hostPort) errors.push(...portNumber(hostPort, `${at}.hostPort`));
    return [...errors, ...protocol(spoken, `${at}.protocol`)];
  });
}

const portNumber = (port: number, field: string): FieldError[] =>
  portNumberErrors(port).map((why) => invalid(field, port, why));

function hostPortConflicts(containers: readonly Container[], field: string): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort, hostIP = '', protocol: spoken = 'TCP' }, j) => {
      if (!hostPort) return [];
      const key = `${spoken}/${hostIP}/${hostPort}`;
      if (taken.has(key)) return [duplicate(`${field}[${i}].ports[${j}].hostPort`, key)];
      taken.add(key);
      return [];
    }),
  );
}

/** Upstream speaks of the list, not of its items. */
function validateResize(
  { resizePolicy = [] }: Container,
  { restartPolicy: ofPod }: PodSpec,
  field: string,
): FieldError[] {
  const taken = new Set<string>();
  return resizePolicy.flatMap(({ resourceName = '', restartPolicy = '' }, i) => {
    const errors = taken.has(resourceName) ? [duplicate(`${field}[${i}]`, resourceName)] : [];
    taken.add(resourceName);
    errors.push(...needed(among('cpu', 'memory'))(resourceName, field));
    errors.push(...needed(among('NotRequired', 'RestartContainer'))(restartPolicy, field));
    if (ofPod !== 'Never' || restartPolicy === 'NotRequired') return errors;
    return [...errors, invalid(field, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")];
  });
}

/** Of an init container that names no policy, the rules are not looked at. */
function validateInitRestart(container: Container, field: string): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  if (restartPolicy !== undefined) return validateRestart(container, field);
  return rules.length > 0 ? [required(`${field}.restartPolicy`, NO_POLICY)] : [];
}

function validateRestart({ restartPolicy, restartPolicyRules: rules = [] }: Container, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${field}.restartPolicy`;
  if (restartPolicy !== undefined) errors.push(...among('Always', 'Never', 'OnFailure')(restartPolicy, at));
  else if (rules.length > 0) errors.push(required(at, NO_POLICY));
  const list = `${field}.restartPolicyRules`;
  if (rules.length > MAX_RESTART_RULES) errors.push(tooMany(list, rules.length, MAX_RESTART_RULES));
  for (const [i, { action = '', exitCodes }] of rules.entries()) {
    const actions = ['Restart', 'RestartAllContainers'];
    if (!actions.includes(action)) errors.push(notSupported(`${list}[${i}].action`, action, actions));
    if (!exitCodes) {
      errors.push(required(`${list}[${i}].exitCodes`, 'must be specified'));
      continue;
    }
    const { operator = '', values = [] } = exitCodes;
    errors.push(...among('In', 'NotIn')(operator, `${list}[${i}].exitCodes.operator`));
    if (values.length > MAX_EXIT_CODES) {
      errors.push(tooMany(`${list}[${i}].exitCodes.values`, values.length, MAX_EXIT_CODES));
    }
  }
  return errors;
}
