// Pods for Windows nodes, and what pods of either system may not say (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, notSupported, required } from '../../field.ts';
import { dns1123SubdomainErrors } from '../../selectors/syntax.ts';
import type { PodSpec, SecurityContext, WindowsSecurityContextOptions } from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { type Check, maybe, structOf } from '../rule-table.ts';

const MAX_CREDENTIALS_KIB = 64;
const MAX_DOMAIN = 256;
const MAX_USER = 104;
const CONTROL = /[\x00-\x1f\x7f]/;
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);

const credentials: Check<string> = (text, field) => {
  if (text === '') return [invalid(field, text, 'gmsaCredentialSpec cannot be an empty string')];
  if (Buffer.byteLength(text) <= MAX_CREDENTIALS_KIB * 1024) return [];
  return [invalid(field, text, `gmsaCredentialSpec size must be under ${MAX_CREDENTIALS_KIB} KiB`)];
};

const userName: Check<string> = (name, field) =>
  userNameErrors(name).map((why) => invalid(field, name, `runAsUserName${why}`));

function userNameErrors(name: string): string[] {
  if (name === '') return [' cannot be an empty string'];
  if (CONTROL.test(name)) return [' cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return [' cannot contain more than one backslash'];
  const user = parts[parts.length - 1];
  const errors: string[] = [];
  if (parts.length === 2) {
    if (parts[0].length >= MAX_DOMAIN) errors.push(`'s Domain length must be under ${MAX_DOMAIN} characters`);
    if (!NETBIOS.test(parts[0]) && !DNS.test(parts[0])) {
      errors.push("'s Domain doesn't match the NetBios nor the DNS format");
    }
  }
  if (user === '') errors.push("'s User cannot be empty");
  else if (user.length > MAX_USER) errors.push(`'s User length must not be longer than ${MAX_USER} characters`);
  if (/^[. ]+$/.test(user)) errors.push("'s User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    errors.push(`'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  }
  return errors;
}

export const windowsOptions = structOf<WindowsSecurityContextOptions>({
  gmsaCredentialSpecName: maybe((name, field) => named(dns1123SubdomainErrors, name, field)),
  gmsaCredentialSpec: maybe(credentials),
  runAsUserName: maybe(userName),
});

type Contexts = Array<readonly [context: SecurityContext | undefined, field: string]>;

function contextsOf(spec: PodSpec, field: string): Contexts {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).map(
      ({ securityContext }, i) => [securityContext, `${field}.${list}[${i}].securityContext`] as const,
    ),
  );
}

/** Containers that are processes of the host: all of a pod, or none. */
export function validateHostProcess(spec: PodSpec, field: string): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const contexts = contextsOf(spec, field);
  const errors: FieldError[] = [];
  let count = 0;
  for (const [context, at] of contexts) {
    const own = context?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(invalid(`${at}.windowsOptions.hostProcess`, own, why));
    }
    if (own ?? ofPod) count++;
  }
  if (count === 0) return errors;
  if (count < contexts.length) {
    const why = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalid(field, '', why));
  }
  if (spec.hostNetwork) return errors;
  const why = 'hostNetwork must be true if pod contains any hostProcess containers';
  return [...errors, invalid(`${field}.hostNetwork`, false, why)];
}

const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
/** In upstream's order; `securityContext.` before those that stand there. */
const POD_FIELDS = [
  'securityContext.appArmorProfile',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'securityContext.seLinuxOptions',
  'securityContext.seccompProfile',
  'securityContext.fsGroup',
  'securityContext.fsGroupChangePolicy',
  'securityContext.sysctls',
  'shareProcessNamespace',
  'securityContext.runAsUser',
  'securityContext.runAsGroup',
  'securityContext.supplementalGroups',
  'securityContext.supplementalGroupsPolicy',
  'securityContext.seLinuxChangePolicy',
];
const CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** What only the other system knows. */
export function validateSystem(spec: PodSpec, field: string): FieldError[] {
  if (!spec.os) return [];
  const { name } = spec.os;
  if (!name) return [required(`${field}.os.name`)];
  if (name === 'windows') return validateWindows(spec, field);
  if (name !== 'linux') return [notSupported(`${field}.os`, name, ['linux', 'windows'])];
  const contexts: Contexts = [[spec.securityContext, `${field}.securityContext`], ...contextsOf(spec, field)];
  return contexts
    .filter(([context]) => context?.windowsOptions)
    .map(([, at]) => forbidden(`${at}.windowsOptions`, 'windows options cannot be set for a linux pod'));
}

function validateWindows(spec: PodSpec, field: string): FieldError[] {
  const errors = POD_FIELDS.filter((path) => isSet(spec, path)).map((path) =>
    forbidden(`${field}.${path}`, NOT_ON_WINDOWS),
  );
  for (const [context, at] of contextsOf(spec, field)) {
    for (const name of CONTAINER_FIELDS) {
      if (context?.[name] !== undefined) errors.push(forbidden(`${at}.${name}`, NOT_ON_WINDOWS));
    }
  }
  return errors;
}

/** A false flag is not set. */
function isSet(spec: PodSpec, path: string): boolean {
  const [first, second] = path.split('.') as [keyof PodSpec, keyof PodSecurityContextOf | undefined];
  const value = second ? spec.securityContext?.[second] : spec[first];
  return value !== undefined && (path === 'hostUsers' || path === 'shareProcessNamespace' || value !== false);
}

type PodSecurityContextOf = NonNullable<PodSpec['securityContext']>;
