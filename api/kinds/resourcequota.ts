// ResourceQuota.
import { ageOf } from '../age.ts';
import { invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { ResourceQuota } from '../types/core.v1.ts';
import { immutable, NOT_NEGATIVE, named } from './checks.ts';

export const resourceQuota: Rules<ResourceQuota> = {
  deleteAnswersObject: true,

  validate: ({ spec }) =>
    Object.entries(spec?.hard ?? {}).flatMap(([name, quantity]) => {
      const field = `spec.hard[${name}]`;
      const errors = named(qualifiedNameErrors, name, field);
      return String(quantity).startsWith('-') ? [...errors, invalid(field, quantity, NOT_NEGATIVE)] : errors;
    }),

  validateUpdate: (object, old, subresource) =>
    subresource === '' ? immutable(object.spec?.scopes, old.spec?.scopes, 'spec.scopes') : [],

  cells({ metadata, status }, now) {
    const { hard = {}, used = {} } = status ?? {};
    const show = (names: string[]): string =>
      names.map((name) => `${name}: ${used[name] ?? 0}/${hard[name]}`).join(', ');
    const names = Object.keys(hard).sort();
    const limits = names.filter((name) => name.startsWith('limits.'));
    return [
      metadata.name,
      show(names.filter((name) => !name.startsWith('limits.'))),
      show(limits),
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};
