// Options every write takes: dryRun, fieldValidation, fieldManager
// (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/validation/validation.go).
import { type FieldError, forbidden, FieldError as Problem, required } from '../../api/field.ts';
import { validateManager } from '../../api/metadata.ts';
import { StatusError } from '../../api/status.ts';

/**
 * `kind` is CreateOptions, UpdateOptions or PatchOptions, as the message names it; `patch` says whether it is a server-side apply.
 * Throws 422.
 */
export function checkWriteOptions(query: URLSearchParams, kind: string, patch: 'apply' | 'other' = 'other'): void {
  const manager = query.get('fieldManager') ?? '';
  const errors: FieldError[] = [];
  if (patch === 'apply' && manager === '') errors.push(required('fieldManager', 'is required for apply patch'));
  // Server-side apply alone may take fields from another manager.
  if (kind === 'PatchOptions' && patch === 'other' && query.has('force')) {
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  }
  errors.push(...validateManager('fieldManager', manager));
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.some((value) => value !== 'All')) {
    errors.push(new Problem('FieldValueNotSupported', 'dryRun', dryRun, 'supported values: "All"'));
  }
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Strict', 'Warn'].includes(validation)) {
    const supported = 'supported values: "", "Ignore", "Strict", "Warn"';
    errors.push(new Problem('FieldValueNotSupported', 'fieldValidation', validation, supported));
  }
  if (errors.length > 0) throw StatusError.invalid({ group: 'meta.k8s.io', kind }, '', errors);
}
