// Taints of nodes, and the tolerations of them (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { FieldError, invalid, notSupported, required } from '../../field.ts';
import { labelValueErrors, qualifiedNameErrors } from '../../selectors/syntax.ts';
import type { Taint, Toleration } from '../../types/core.v1.ts';
import { named } from '../checks.ts';
import { among, each } from '../rule-table.ts';

const effect = among('NoSchedule', 'PreferNoSchedule', 'NoExecute');

export const validateTolerations = each((toleration: Toleration, field) => {
  const { key, operator, effect: to = '', tolerationSeconds } = toleration;
  const errors = key ? named(qualifiedNameErrors, key, `${field}.key`) : [];
  if (!key && operator !== 'Exists') {
    const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalid(`${field}.operator`, operator ?? '', why));
  }
  if (tolerationSeconds !== undefined && to !== 'NoExecute') {
    errors.push(invalid(`${field}.effect`, to, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  errors.push(...validateOperator(toleration, field));
  return to ? [...errors, ...effect(to, `${field}.effect`)] : errors;
});

function validateOperator({ operator, value = '' }: Toleration, field: string): FieldError[] {
  const at = `${field}.operator`;
  switch (operator) {
    case undefined:
    case 'Equal': {
      const found = labelValueErrors(value);
      return found.length > 0 ? [invalid(at, value, found.join(';'))] : [];
    }
    case 'Exists':
      return value ? [invalid(at, value, "value must be empty when `operator` is 'Exists'")] : [];
    // Behind a feature gate that is off.
    case 'Lt':
    case 'Gt':
      return [notSupported(at, operator, ['Equal', 'Exists', 'Lt', 'Gt'])];
    default:
      return [notSupported(at, operator, ['Equal', 'Exists'])];
  }
}

/** Unique by key and effect. */
export function validateTaints(taints: readonly Taint[], field: string): FieldError[] {
  const taken = new Set<string>();
  return taints.flatMap((taint, i) => {
    const at = `${field}[${i}]`;
    const { key = '', value = '', effect: of = '' } = taint;
    const errors = named(qualifiedNameErrors, key, `${at}.key`);
    const found = labelValueErrors(value);
    if (found.length > 0) errors.push(invalid(`${at}.value`, value, found.join(';')));
    errors.push(...(of ? effect(of, `${at}.effect`) : [required(`${at}.effect`)]));
    const id = `${of}/${key}`;
    if (taken.has(id)) {
      const said = { Key: key, Value: value, Effect: of, TimeAdded: taint.timeAdded ?? null };
      errors.push(new FieldError('FieldValueDuplicate', at, said, 'taints must be unique by key and effect pair'));
    }
    taken.add(id);
    return errors;
  });
}
