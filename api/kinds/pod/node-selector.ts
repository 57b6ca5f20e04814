// Which nodes are meant: selectors of nodes and of topologies, as pods, volumes and devices use them
// (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { duplicate, type FieldError, forbidden, invalid, required } from '../../field.ts';
import { dns1123SubdomainErrors, labelValueErrors, qualifiedNameErrors } from '../../selectors/syntax.ts';
import type {
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  TopologySelectorTerm,
} from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { each } from '../rule-table.ts';

const UNKNOWN = 'not a valid selector operator';

export function validateNodeSelector({ nodeSelectorTerms }: NodeSelector, field: string): FieldError[] {
  const at = `${field}.nodeSelectorTerms`;
  if (!nodeSelectorTerms?.length) return [required(at, 'must have at least one node selector term')];
  return each(validateNodeSelectorTerm)(nodeSelectorTerms, at);
}

export function validateNodeSelectorTerm(term: NodeSelectorTerm, field: string): FieldError[] {
  return [...validatePreferredTerm(term, field, 'values are checked')];
}

/** What is only preferred may name values that no node can have. */
export function validatePreferredTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  field: string,
  values?: 'values are checked',
): FieldError[] {
  return [
    ...matchExpressions.flatMap((one, i) => expression(one, `${field}.matchExpressions[${i}]`, values)),
    ...matchFields.flatMap((one, i) => matchField(one, `${field}.matchFields[${i}]`)),
  ];
}

function expression(
  { key = '', operator, values = [] }: Partial<NodeSelectorRequirement>,
  field: string,
  checked?: 'values are checked',
): FieldError[] {
  const errors = operands(operator ?? '', values, field);
  errors.push(...named(qualifiedNameErrors, key, `${field}.key`));
  if (checked) errors.push(...values.flatMap((value, i) => named(labelValueErrors, value, `${field}.values[${i}]`)));
  return errors;
}

function operands(operator: string, values: readonly string[], field: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length > 0) return [];
      return [required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      if (values.length === 0) return [];
      return [forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case 'Gt':
    case 'Lt':
      if (values.length === 1) return [];
      return [required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [invalid(`${field}.operator`, operator, UNKNOWN)];
  }
}

/** A node's name is the one field that can be selected. */
function matchField(
  { key = '', operator, values = [] }: Partial<NodeSelectorRequirement>,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalid(`${field}.operator`, operator ?? '', UNKNOWN));
  else if (values.length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${field}.values`, why));
  }
  if (key !== 'metadata.name') return [...errors, invalid(`${field}.key`, key, 'not a valid field selector key')];
  return [...errors, ...values.flatMap((value, i) => named(dns1123SubdomainErrors, value, `${field}.values[${i}]`))];
}

export function validateTopologyTerm(
  { matchLabelExpressions = [] }: TopologySelectorTerm,
  field: string,
): FieldError[] {
  const keys = new Set<string>();
  return matchLabelExpressions.flatMap(({ key = '', values: given }, i) => {
    const values = given ?? [];
    const at = `${field}.matchLabelExpressions[${i}]`;
    const errors = values.length === 0 ? [required(`${at}.values`)] : [];
    for (const [j, value] of values.entries()) {
      if (values.indexOf(value) < j) errors.push(duplicate(`${at}.values[${j}]`, value));
    }
    errors.push(...named(qualifiedNameErrors, key, `${at}.key`));
    if (keys.has(key)) errors.push(duplicate(`${at}.key`, key));
    keys.add(key);
    return errors;
  });
}
