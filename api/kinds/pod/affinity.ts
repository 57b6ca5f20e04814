// Where a pod is drawn to or kept from: affinity to nodes and to other pods, and spreading over topologies
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, required } from '../../field.ts';
import { dns1123LabelErrors, qualifiedNameErrors } from '../../selectors/syntax.ts';
import type {
  Affinity,
  NodeAffinity,
  PodAffinity,
  PodAffinityTerm,
  PreferredSchedulingTerm,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from '../../types/core.v1.ts';
import type { LabelSelector } from '../../types/meta.v1.ts';
import { labelSelector, named } from '../checks.ts';
import { among, type Check, each, maybe, structOf } from '../rule-table.ts';
import { validateNodeSelector, validatePreferredTerm } from './node-selector.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

const weight: Check<number> = (value = 0, field) =>
  value > 0 && value <= 100 ? [] : [invalid(field, value, 'must be in the range 1-100')];

const podTerms = structOf<PodAffinity>({
  [REQUIRED]: each(validatePodTerm),
  [PREFERRED]: each(
    structOf<WeightedPodAffinityTerm>({ weight, podAffinityTerm: (term, field) => validatePodTerm(term, field) }),
  ),
});

export const validateAffinity = structOf<Affinity>({
  nodeAffinity: maybe(
    structOf<NodeAffinity>({
      [REQUIRED]: maybe(validateNodeSelector),
      [PREFERRED]: each(
        structOf<PreferredSchedulingTerm>({
          weight,
          preference: (term, field) => validatePreferredTerm(term ?? {}, field),
        }),
      ),
    }),
  ),
  podAffinity: maybe(podTerms),
  podAntiAffinity: maybe(podTerms),
});

function validatePodTerm(term: PodAffinityTerm, field: string): FieldError[] {
  const { labelSelector: selector, namespaces = [], topologyKey } = term;
  return [
    ...labelSelector(selector, `${field}.labelSelector`),
    ...labelSelector(term.namespaceSelector, `${field}.namespaceSelector`),
    ...namespaces.flatMap((name) => named(dns1123LabelErrors, name, `${field}.namespace`)),
    ...labelKeys(term.matchLabelKeys, selector, `${field}.matchLabelKeys`),
    ...labelKeys(term.mismatchLabelKeys, selector, `${field}.mismatchLabelKeys`),
    ...alreadySelected(term.matchLabelKeys, selector, field),
    ...(term.matchLabelKeys ?? []).flatMap((key, i) => {
      if (!term.mismatchLabelKeys?.includes(key)) return [];
      const why = 'exists in both matchLabelKeys and mismatchLabelKeys';
      return [invalid(`${field}.matchLabelKeys[${i}]`, key, why)];
    }),
    ...(topologyKey ? [] : [required(`${field}.topologyKey`, 'can not be empty')]),
    ...named(qualifiedNameErrors, topologyKey ?? '', `${field}.topologyKey`),
  ];
}

/** Keys whose values come from the pod itself narrow a selector: there must be one. */
function labelKeys(keys: readonly string[] = [], selector: LabelSelector | undefined, field: string): FieldError[] {
  if (keys.length === 0) return [];
  if (!selector) return [forbidden(field, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, i) => named(qualifiedNameErrors, key, `${field}[${i}]`));
}

/**
 * The server has put the pod's values into the selector before: only a key that stands there besides is the user's own doing.
 */
function alreadySelected(
  keys: readonly string[] = [],
  selector: LabelSelector | undefined,
  field: string,
): FieldError[] {
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  return (selector?.matchExpressions ?? []).flatMap(({ key }) => {
    const isTwice = seen.has(key);
    seen.add(key);
    const i = keys.lastIndexOf(key);
    return isTwice && i >= 0 ? [invalid(`${field}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector')] : [];
  });
}

const SCHEDULE = 'DoNotSchedule';
const inclusion = maybe(among('Honor', 'Ignore'));
const positive: Check<number> = (value = 0, field) =>
  value > 0 ? [] : [invalid(field, value, 'must be greater than zero')];

export function validateSpread(constraints: readonly TopologySpreadConstraint[], field: string): FieldError[] {
  return constraints.flatMap((constraint, i) => {
    const at = `${field}[${i}]`;
    const { topologyKey, whenUnsatisfiable: action = '', minDomains, labelSelector: selector } = constraint;
    const errors = positive(constraint.maxSkew, `${at}.maxSkew`);
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    errors.push(...among(SCHEDULE, 'ScheduleAnyway')(action, `${at}.whenUnsatisfiable`));
    const isRepeated = constraints
      .slice(i + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === action);
    if (isRepeated) {
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey ?? ''}, ${action}}`));
    }
    if (minDomains !== undefined) {
      errors.push(...positive(minDomains, `${at}.minDomains`));
      const why = `can only use minDomains if whenUnsatisfiable=${SCHEDULE}, not ${action}`;
      if (action !== SCHEDULE) errors.push(invalid(`${at}.minDomains`, minDomains, why));
    }
    return [
      ...errors,
      ...inclusion(constraint.nodeAffinityPolicy, `${at}.nodeAffinityPolicy`),
      ...inclusion(constraint.nodeTaintsPolicy, `${at}.nodeTaintsPolicy`),
      ...labelKeys(constraint.matchLabelKeys, selector, `${at}.matchLabelKeys`),
      ...alreadySelected(constraint.matchLabelKeys, selector, at),
      ...labelSelector(selector, `${at}.labelSelector`),
    ];
  });
}
