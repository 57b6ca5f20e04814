// Expressions of admission: what those of webhooks and policies may name, and what they must evaluate to
// (k8s.io/apiserver v0.36 pkg/admission/plugin/cel/compile.go). They are checked as far as api/cel goes, and evaluated by nobody yet.
import { type CelType, checkExpression, DYN, type Scope } from '../cel/check.ts';
import { duplicate, type FieldError, invalid, required, tooMany } from '../field.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { MatchCondition } from '../types/admissionregistration.v1.ts';
import { named } from './checks.ts';

const MAX_CONDITIONS = 64;

const fields = (names: string, type: CelType = { name: 'string' }): Record<string, CelType> =>
  Object.fromEntries(names.split(' ').map((name) => [name, type]));
const structure = (name: string, members: Record<string, CelType>): CelType => ({ name, fields: members });

const KIND = structure('kubernetes.GroupVersionKind', fields('group version kind'));
const RESOURCE = structure('kubernetes.GroupVersionResource', fields('group version resource'));
const USER = structure('kubernetes.UserInfo', { ...fields('username uid'), groups: undefined, extra: undefined });
const REQUEST = structure('kubernetes.AdmissionRequest', {
  ...fields('subResource requestSubResource name namespace operation'),
  kind: KIND,
  resource: RESOURCE,
  requestKind: KIND,
  requestResource: RESOURCE,
  userInfo: USER,
  dryRun: { name: 'bool' },
  options: DYN,
});
const NAMESPACE = structure('kubernetes.Namespace', {
  metadata: structure('kubernetes.NamespaceMetadata', {
    ...fields('name generateName namespace UID resourceVersion'),
    ...fields('deletionGracePeriodSeconds generation', { name: 'int' }),
    ...fields('labels annotations creationTimestamp deletionTimestamp finalizers', undefined),
  }),
  spec: structure('kubernetes.NamespaceSpec', fields('finalizers', undefined)),
  status: structure('kubernetes.NamespaceStatus', { phase: { name: 'string' }, conditions: undefined }),
});

export interface Names {
  readonly hasParams?: boolean;
  readonly hasAuthorizer?: boolean;
  readonly makesPatches?: boolean;
  /** Of the policy's variables, those that were told before. */
  readonly variables?: Readonly<Record<string, CelType>>;
}

export function scopeOf({ hasParams, hasAuthorizer, makesPatches, variables }: Names): Scope {
  const known = new Map<string, CelType>([
    ['object', DYN],
    ['oldObject', DYN],
    ['namespaceObject', NAMESPACE],
    ['request', REQUEST],
  ]);
  if (hasParams) known.set('params', DYN);
  if (hasAuthorizer) known.set('authorizer', undefined);
  if (variables) known.set('variables', { name: 'kubernetes.variables', fields: variables });
  return { variables: known, makesPatches };
}

/** `said` is what is refused, where upstream shows more than it compiles. */
export function expression(
  text: string,
  field: string,
  {
    scope,
    returns,
    said = text,
  }: { readonly scope: Scope; readonly returns: readonly string[]; readonly said?: string },
): FieldError[] {
  const why = checkExpression(text, scope, returns);
  return why === undefined ? [] : [invalid(field, said, why)];
}

/** Conditions under which a webhook is called, or a policy looked at. */
export function matchConditions(
  conditions: readonly MatchCondition[],
  field: string,
  { hasParams }: Pick<Names, 'hasParams'>,
): FieldError[] {
  const scope = scopeOf({ hasParams, hasAuthorizer: true });
  const errors = conditions.length > MAX_CONDITIONS ? [tooMany(field, conditions.length, MAX_CONDITIONS)] : [];
  for (const [i, { name = '', expression: text = '' }] of conditions.entries()) {
    const at = `${field}[${i}]`;
    if (text.trim()) errors.push(...expression(text.trim(), `${at}.expression`, { scope, returns: ['bool'] }));
    else errors.push(required(`${at}.expression`));
    if (name) errors.push(...named(qualifiedNameErrors, name, `${at}.name`));
    else errors.push(required(`${at}.name`));
    const isRepeated = name && conditions.findIndex((other) => other.name === name) < i;
    if (isRepeated) errors.push(duplicate(`${at}.name`, name));
  }
  return errors;
}
