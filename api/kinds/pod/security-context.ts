// Who a pod's processes are and what they may do (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../../field.ts';
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
} from '../../types/core.v1.ts';
import { relativePath } from '../paths.ts';
import { among, type Check, each, maybe, structOf } from '../rule-table.ts';
import { between } from './volume-source.ts';
import { windowsOptions } from './windows.ts';

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const MAX_SYSCTL = 253;
const SYSCTL_WORDS = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const SYSCTL = new RegExp(SYSCTL_WORDS);
const MAX_PROFILE_PATH = 4095;

const id = maybe(between(0, 2147483647));
const seccomp = maybe(seccompProfile);
const appArmor = maybe(appArmorProfile);

function seccompProfile(profile: SeccompProfile, field: string): FieldError[] {
  const { type, localhostProfile: path } = profile;
  const at = `${field}.localhostProfile`;
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${field}.type`, 'type is required when seccompProfile is set'));
  else errors.push(...among(...PROFILES)(type, `${field}.type`));
  if (type !== 'Localhost') {
    if (path === undefined) return errors;
    const said = { Type: type ?? '', LocalhostProfile: path };
    return [...errors, invalid(at, said, 'can only be set when seccomp type is Localhost')];
  }
  if (path === undefined) return [...errors, required(at, 'must be set when seccomp type is Localhost')];
  return [...errors, ...relativePath(path, at)];
}

function appArmorProfile({ type, localhostProfile: path }: AppArmorProfile, field: string): FieldError[] {
  const at = `${field}.localhostProfile`;
  if (!type) return [required(`${field}.type`, 'type is required when appArmorProfile is set')];
  if (!PROFILES.includes(type)) return [notSupported(`${field}.type`, type, PROFILES)];
  if (type !== 'Localhost') {
    return path === undefined ? [] : [invalid(at, path, 'can only be set when AppArmor type is Localhost')];
  }
  if (!path) return [required(at, 'must be set when AppArmor type is Localhost')];
  const errors = path === path.trim() ? [] : [invalid(at, path, 'must not be padded with whitespace')];
  return path.length > MAX_PROFILE_PATH ? [...errors, tooLong(at, MAX_PROFILE_PATH)] : errors;
}

function procMount(spec: PodSpec): Check<string> {
  return (type, field) => {
    const errors = among('Default', 'Unmasked')(type, field);
    if (type !== 'Unmasked' || spec.hostUsers === false) return errors;
    return [...errors, invalid(field, type, '`hostUsers` must be false to use `Unmasked`')];
  };
}

/** Of one container of the pod. */
export function validateSecurityContext(
  context: SecurityContext | undefined,
  spec: PodSpec,
  field: string,
): FieldError[] {
  if (!context) return [];
  return [
    ...id(context.runAsUser, `${field}.runAsUser`),
    ...id(context.runAsGroup, `${field}.runAsGroup`),
    ...maybe(procMount(spec))(context.procMount, `${field}.procMount`),
    ...seccomp(context.seccompProfile, `${field}.seccompProfile`),
    ...validateEscalation(context, field),
    ...maybe(windowsOptions)(context.windowsOptions, `${field}.windowsOptions`),
    ...appArmor(context.appArmorProfile, `${field}.appArmorProfile`),
  ];
}

/** Who has every privilege already cannot be kept from gaining one. */
function validateEscalation(context: SecurityContext, field: string): FieldError[] {
  const { allowPrivilegeEscalation, privileged, capabilities } = context;
  if (allowPrivilegeEscalation !== false) return [];
  const errors: FieldError[] = [];
  const refuse = (what: string): void => {
    errors.push(invalid(field, context, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
  };
  if (privileged) refuse('`privileged` to true');
  if (capabilities?.add?.includes('CAP_SYS_ADMIN')) refuse('`capabilities.Add` CAP_SYS_ADMIN');
  return errors;
}

const podFields = structOf<PodSecurityContext>({
  fsGroup: id,
  runAsUser: id,
  runAsGroup: id,
  supplementalGroups: each(between(0, 2147483647)),
});
const podProfiles = structOf<PodSecurityContext>({
  fsGroupChangePolicy: maybe(among('Always', 'OnRootMismatch')),
  seccompProfile: seccomp,
  windowsOptions: maybe(windowsOptions),
  appArmorProfile: appArmor,
  supplementalGroupsPolicy: maybe(among('Merge', 'Strict')),
  // The other way, MountOption, is behind a feature gate that is off.
  seLinuxChangePolicy: maybe(among('Recursive')),
});

/** Of the pod as a whole. */
export function validatePodSecurityContext(spec: PodSpec, field: string): FieldError[] {
  const context = spec.securityContext ?? {};
  const errors = podFields(context, field);
  if (spec.shareProcessNamespace && spec.hostPID) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(`${field}.shareProcessNamespace`, true, why));
  }
  errors.push(...validateSysctls(context.sysctls ?? [], spec, `${field}.sysctls`));
  return [...errors, ...podProfiles(context, field)];
}

function validateSysctls(sysctls: readonly Sysctl[], spec: PodSpec, field: string): FieldError[] {
  const taken = new Set<string>();
  return sysctls.flatMap(({ name = '' }, i) => {
    const at = `${field}[${i}].name`;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(at));
    else if (name.length > MAX_SYSCTL || !SYSCTL.test(name)) {
      errors.push(invalid(at, name, `must have at most ${MAX_SYSCTL} characters and match regex ${SYSCTL_WORDS}`));
    } else if (taken.has(name)) errors.push(duplicate(at, name));
    taken.add(name);
    const owner = hostOwner(name.replaceAll('/', '.'), spec);
    return owner ? [...errors, invalid(at, name, `may not be specified when '${owner}' is true`)] : errors;
  });
}

/** Whose namespace a sysctl belongs to, when the pod shares that one with the node. */
function hostOwner(name: string, { hostNetwork, hostIPC }: PodSpec): string | undefined {
  if (hostNetwork && name.startsWith('net.')) return 'hostNetwork';
  return hostIPC && /^(kernel\.(sem$|shm|msg)|fs\.mqueue\.)/.test(name) ? 'hostIPC' : undefined;
}

/** A user namespace of its own and one of the node's do not go together. */
export function validateHostUsers(spec: PodSpec, field: string): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const refuse = (name: string): FieldError => forbidden(`${field}.${name}`, 'when `hostUsers` is false');
  const errors: FieldError[] = [];
  if (spec.hostNetwork) errors.push(refuse('hostNetwork'));
  if (spec.hostPID) errors.push(refuse('HostPID'));
  if (spec.hostIPC) errors.push(refuse('HostIPC'));
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, { volumeDevices }] of (spec[list] ?? []).entries()) {
      if (volumeDevices?.length) errors.push(refuse(`${list}[${i}].volumeDevices`));
    }
  }
  return errors;
}
