// Namespace.
import { ageOf } from '../age.ts';
import { invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import { validateFinalizer } from '../metadata.ts';
import type { Namespace } from '../types/core.v1.ts';

const FINALIZER = 'kubernetes';
/** Every namespace carries its name as a label, so that selectors can name namespaces. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespace: Rules<Namespace> = {
  default({ metadata }) {
    if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
  },

  prepareForCreate(object) {
    object.status = { phase: 'Active' };
    const finalizers = object.spec?.finalizers ?? [];
    object.spec = { finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] };
  },

  /** Only the `finalize` subresource takes finalizers of the spec away. */
  prepareForUpdate(object, old, subresource) {
    if (subresource === 'finalize') object.status = old.status;
    else object.spec = old.spec;
    if (subresource === 'status') object.status = { ...object.status, phase: object.status?.phase || 'Active' };
  },

  // Upstream counts them when they are changed, and not when the namespace is new.
  validate: ({ spec }, old) =>
    (spec?.finalizers ?? []).flatMap((finalizer, i) =>
      validateFinalizer(finalizer, `spec.finalizers${old ? `[${i}]` : ''}`),
    ),

  validateUpdate({ metadata, status }, _old, subresource) {
    const phase = status?.phase ?? '';
    const [wanted, what] = metadata.deletionTimestamp ? ['Terminating', 'not empty'] : ['Active', 'empty'];
    if (subresource !== 'status' || phase === wanted) return [];
    return [invalid('status.Phase', phase, `may only be '${wanted}' if \`deletionTimestamp\` is ${what}`)];
  },

  fields: ({ status }) => ({ 'status.phase': status?.phase ?? '' }),

  cells: ({ metadata, status }, now) => [metadata.name, status?.phase ?? '', ageOf(metadata.creationTimestamp, now)],
};
