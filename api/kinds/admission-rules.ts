// Which requests a webhook or an admission policy is about: rules by operation and resource, and selectors
// (k8s.io/kubernetes v1.36 pkg/apis/admissionregistration).
import { duplicate, type FieldError, invalid, required } from '../field.ts';
import { pathSegmentErrors } from '../selectors/syntax.ts';
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '../types/admissionregistration.v1.ts';
import { labelSelector, named } from './checks.ts';
import { among, type Check, each, given, isMissing, maybe, needed, structOf } from './rule-table.ts';

type List = readonly string[] | undefined;

/** A rule that names no scope is about resources of every scope. */
export function defaultRule(rule: Pick<RuleWithOperations, 'scope'>): void {
  rule.scope ??= '*';
}

export function defaultMatch(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
}

/** `*` stands for all, and so alone. */
const alone =
  (what: string): Check<readonly string[]> =>
  (list, field) => {
    if (list.length < 2 || !list.includes('*')) return [];
    return [invalid(field, list, `if '*' is present, must not specify other ${what}`)];
  };

const list =
  (what: string, item: Check<string>): Check<List> =>
  (values, field) =>
    isMissing(values) ? [required(field)] : [...alone(what)(values!, field), ...each(item)(values, field)];

const any: Check<string> = () => [];
const OPERATIONS = among('*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE');

const RULE = {
  operations: list('operations', OPERATIONS),
  apiGroups: list('API groups', any),
  apiVersions: list('API versions', needed()),
  resources,
  scope: maybe<string>(among('*', 'Cluster', 'Namespaced')),
};

export const ruleWithOperations = structOf<RuleWithOperations>(RULE);
const namedRule = structOf<NamedRuleWithOperations>({ resourceNames, ...RULE });

/** `pods`, `pods/log`, `pods/*`, `*\/scale`, `*`: what a wildcard says already is not said again. */
function resources(values: List, field: string): FieldError[] {
  if (isMissing(values)) return [required(field)];
  const errors: FieldError[] = [];
  const whole = new Set<string>();
  let isLastPlain = false;
  for (const [i, value] of values!.entries()) {
    const at = `${field}[${i}]`;
    if (!value) {
      errors.push(required(at));
      continue;
    }
    const slash = value.indexOf('/');
    if (slash < 0) {
      isLastPlain = value !== '*';
      continue;
    }
    const covers = [`${value.slice(0, slash)}/*`, `*/${value.slice(slash + 1)}`];
    for (const wildcard of covers.filter((one) => whole.has(one))) {
      errors.push(invalid(at, value, `if '${wildcard}' is present, must not specify ${value}`));
    }
    for (const wildcard of covers.filter((one) => one === value)) whole.add(wildcard);
  }
  if (values!.length > 1 && values!.includes('*/*')) {
    errors.push(invalid(field, values, "if '*/*' is present, must not specify other resources"));
  }
  if (values!.includes('*') && isLastPlain) {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(field, values, why));
  }
  return errors;
}

function resourceNames(names: List, field: string): FieldError[] {
  return (names ?? []).flatMap((name, i) => [
    ...named(pathSegmentErrors, name, `${field}[${i}]`),
    ...(names!.indexOf(name) < i ? [duplicate(`${field}[${i}]`, name)] : []),
  ]);
}

export const matchResources = structOf<MatchResources>({
  matchPolicy: given<string>(among('Equivalent', 'Exact')),
  namespaceSelector: given(labelSelector),
  objectSelector: given(labelSelector),
  resourceRules: each(namedRule),
  excludeResourceRules: each(namedRule),
});

/** Only what is written can be changed on its way: said once for all rules. */
export function mutableOperations(match: MatchResources, field: string): FieldError[] {
  const operations = (match.resourceRules ?? []).flatMap((rule) => rule.operations ?? []);
  return operations.flatMap((operation) =>
    among('*', 'CONNECT', 'CREATE', 'UPDATE')(operation, `${field}.resourceRules.operations`),
  );
}
