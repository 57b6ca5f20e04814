// RoleBinding and ClusterRoleBinding of rbac.authorization.k8s.io/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, notSupported, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { dns1123SubdomainErrors, pathSegmentErrors } from '../selectors/syntax.ts';
import type { ClusterRoleBinding, RoleBinding, Subject } from '../types/rbac.v1.ts';
import { named } from './checks.ts';

const GROUP = 'rbac.authorization.k8s.io';

type Binding = RoleBinding | ClusterRoleBinding;

export const roleBinding: Rules<RoleBinding> = rulesFor(['ClusterRole', 'Role']);
export const clusterRoleBinding: Rules<ClusterRoleBinding> = rulesFor(['ClusterRole']);

/** `kinds`: what such a binding may refer to. */
function rulesFor(kinds: readonly string[]): Rules<Binding> {
  return {
    createOnUpdate: true,

    default({ roleRef, subjects }) {
      if (roleRef && !roleRef.apiGroup) roleRef.apiGroup = GROUP;
      for (const subject of subjects ?? []) {
        if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ??= GROUP;
      }
    },

    validate: ({ roleRef, subjects, metadata }) => [
      ...validateRef(roleRef, kinds),
      ...(subjects ?? []).flatMap((subject, i) => validateSubject(subject, metadata.namespace, `subjects[${i}]`)),
    ],

    validateUpdate: ({ roleRef }, old) =>
      isEqual(roleRef, old.roleRef) ? [] : [invalid('roleRef', quoted(roleRef), 'cannot change roleRef')],

    cells: ({ metadata, roleRef, subjects }, now) => [
      metadata.name,
      `${roleRef.kind}/${roleRef.name}`,
      ageOf(metadata.creationTimestamp, now),
      namesOf(subjects, 'User'),
      namesOf(subjects, 'Group'),
      namesOf(subjects, 'ServiceAccount'),
    ],
  };
}

function validateRef(roleRef: Binding['roleRef'], kinds: readonly string[]): FieldError[] {
  const { apiGroup, kind, name } = roleRef;
  const errors: FieldError[] = [];
  if (apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', apiGroup ?? '', [GROUP]));
  if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind ?? '', [...kinds].reverse()));
  if (!name) return [...errors, required('roleRef.name')];
  return [...errors, ...named(pathSegmentErrors, name, 'roleRef.name')];
}

function validateSubject(subject: Subject, namespace: string | undefined, field: string): FieldError[] {
  const { kind, name, apiGroup = '' } = subject;
  const errors = name ? [] : [required(`${field}.name`)];
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...named(dns1123SubdomainErrors, name, `${field}.name`));
      if (apiGroup) errors.push(notSupported(`${field}.apiGroup`, apiGroup, ['']));
      // In a namespaced binding it may be left out, and means the binding's own.
      if (!subject.namespace && !namespace) errors.push(required(`${field}.namespace`));
      return errors;
    case 'User':
    case 'Group':
      return apiGroup === GROUP ? errors : [...errors, notSupported(`${field}.apiGroup`, apiGroup, [GROUP])];
    default:
      return [...errors, notSupported(`${field}.kind`, kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

/** As Go prints the struct. */
function quoted({ apiGroup, kind, name }: Binding['roleRef']): unknown {
  return { APIGroup: apiGroup, Kind: kind, Name: name };
}

function namesOf(subjects: readonly Subject[] | undefined, kind: string): string {
  const of = (subjects ?? []).filter((subject) => subject.kind === kind);
  return of.map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name)).join(', ');
}
