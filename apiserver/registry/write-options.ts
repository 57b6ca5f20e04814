// Options every write takes: dryRun, fieldValidation, fieldManager
// (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/validation/validation.go).
import { type FieldError, forbidden, FieldError as Problem } from '../../api/field.ts';
import { StatusError } from '../../api/status.ts';

/** `kind` is CreateOptions, UpdateOptions or PatchOptions, as the message names it. Throws 422. */
export function checkWriteOptions(query: URLSearchParams, kind: string): void {
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.some((value) => value !== 'All')) {
    errors.push(new Problem('FieldValueNotSupported', 'dryRun', dryRun, 'supported values: "All"'));
  }
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Strict', 'Warn'].includes(validation)) {
    const supported = 'supported values: "", "Ignore", "Strict", "Warn"';
    errors.push(new Problem('FieldValueNotSupported', 'fieldValidation', validation, supported));
  }
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128)
    errors.push(new Problem('FieldValueTooLong', 'fieldManager', '', 'may not be more than 128 bytes'));
  // Server-side apply alone may take fields from another manager.
  if (kind === 'PatchOptions' && query.has('force')) {
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  }
  if (errors.length > 0) throw StatusError.invalid({ group: 'meta.k8s.io', kind }, '', errors);
}
