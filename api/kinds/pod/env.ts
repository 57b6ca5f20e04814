// Environment variables of a container, written out or taken from elsewhere (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, invalid, required } from '../../field.ts';
import {
  configKeyErrors,
  dns1123LabelErrors,
  dns1123PrefixErrors,
  dns1123SubdomainErrors,
  envNameErrors,
} from '../../selectors/syntax.ts';
import type {
  ConfigMapKeySelector,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
} from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { staysInside } from '../paths.ts';
import { type Check, each, needed, structOf } from '../rule-table.ts';
import { FIELDS_IN_VARIABLES, fieldSelector, resourceSelector } from './downward-api.ts';

const ONLY_ONE = 'may not have more than one field specified at a time';
const SOURCES =
  'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';

export const validateEnv = each(({ name, value, valueFrom }: EnvVar, field) => {
  const errors = name ? named(envNameErrors, name, `${field}.name`) : [required(`${field}.name`)];
  return valueFrom ? [...errors, ...validateSource(valueFrom, value, `${field}.valueFrom`)] : errors;
});

const keySelector = structOf<ConfigMapKeySelector>({
  name: (name = '', field) => named(dns1123SubdomainErrors, name, field),
  key: needed((key, field) => named(configKeyErrors, key, field)),
});

const fileKeySelector = structOf<FileKeySelector>({
  key: needed((key, field) => named(envNameErrors, key, field)),
  volumeName: needed((name, field) => named(dns1123LabelErrors, name, field)),
  path: needed(staysInside),
});

function validateSource(source: EnvVarSource, value: string | undefined, field: string): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const errors: FieldError[] = [];
  if (fieldRef) errors.push(...fieldSelector(fieldRef, FIELDS_IN_VARIABLES, `${field}.fieldRef`));
  if (resourceFieldRef) errors.push(...resourceSelector(resourceFieldRef, 'variable', `${field}.resourceFieldRef`));
  if (configMapKeyRef) errors.push(...keySelector(configMapKeyRef, `${field}.configMapKeyRef`));
  if (secretKeyRef) errors.push(...keySelector(secretKeyRef, `${field}.secretKeyRef`));
  if (fileKeyRef) errors.push(...fileKeySelector(fileKeyRef, `${field}.fileKeyRef`));
  const count = Object.keys(source).length;
  if (count === 0) errors.push(invalid(field, '', SOURCES));
  else if (value) errors.push(invalid(field, '', 'may not be specified when `value` is not empty'));
  else if (count > 1) errors.push(invalid(field, '', ONLY_ONE));
  return errors;
}

/** May end in a dash, as a name to be completed may. */
const sourceName: Check<{ name?: string }> = ({ name }, field) =>
  name ? named(dns1123PrefixErrors, name, `${field}.name`) : [required(`${field}.name`)];

/** Whether a source is there at all, upstream says of the list. */
export function validateEnvFrom(sources: readonly EnvFromSource[] = [], field: string): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, i) => {
    const at = `${field}[${i}]`;
    const errors = prefix ? named(envNameErrors, prefix, `${at}.prefix`) : [];
    if (configMapRef) errors.push(...sourceName(configMapRef, `${at}.configMapRef`));
    if (secretRef) errors.push(...sourceName(secretRef, `${at}.secretRef`));
    if (!configMapRef && !secretRef) {
      errors.push(invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    } else if (configMapRef && secretRef) errors.push(invalid(field, '', ONLY_ONE));
    return errors;
  });
}
