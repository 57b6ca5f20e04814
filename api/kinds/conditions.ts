// Conditions of a status, those of the meta group (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/validation): each type once.
import { duplicate, type FieldError, invalid, tooLong } from '../field.ts';
import { conditionReasonErrors, qualifiedNameErrors } from '../selectors/syntax.ts';
import type { Condition } from '../types/meta.v1.ts';
import { named } from './checks.ts';
import { among, type Check, needed, structOf } from './rule-table.ts';

/** In bytes. */
const MAX_REASON = 1024;
const MAX_MESSAGE = 32 * 1024;

const condition = structOf<Condition>({
  type: (type = '', field) => named(qualifiedNameErrors, type, field),
  status: (status = '' as Condition['status'], field) => among('False', 'True', 'Unknown')(status, field),
  observedGeneration: (count = 0, field) =>
    count < 0 ? [invalid(field, count, 'must be greater than or equal to zero')] : [],
  lastTransitionTime: needed(),
  reason: needed((reason, field) => [
    ...named(conditionReasonErrors, reason, field),
    ...(reason.length > MAX_REASON ? [tooLong(field, MAX_REASON)] : []),
  ]),
  message: (message = '', field) => (message.length > MAX_MESSAGE ? [tooLong(field, MAX_MESSAGE)] : []),
});

export const validateConditions: Check<readonly Condition[] | undefined> = (conditions, field) =>
  (conditions ?? []).flatMap((one, i): FieldError[] => {
    const at = `${field}[${i}]`;
    const isRepeated = conditions!.findIndex(({ type }) => type === one.type) < i;
    return [...(isRepeated ? [duplicate(`${at}.type`, one.type)] : []), ...condition(one, at)];
  });
