// Names of those who sign certificates: `example.com/signer` (k8s.io/kubernetes v1.36 pkg/apis/core/validation/names.go).
import { type FieldError, invalid, required, tooLong } from '../field.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';

const MAX_DOMAIN = 253;
/** A domain, a slash, a label, a dot and a subdomain. */
const MAX_NAME = MAX_DOMAIN + 1 + 63 + 1 + 253;
const FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'";

export function signerName(name: string, field: string): FieldError[] {
  if (!name) return [required(field)];
  const [domain, path, ...rest] = name.split('/');
  if (path === undefined || rest.length > 0) return [invalid(field, name, FORM)];
  const errors = domain.length > MAX_DOMAIN ? [tooLong(field, MAX_DOMAIN)] : [];
  errors.push(...firstOddPart(domain, dns1123LabelErrors, field));
  if (!domain.includes('.')) {
    errors.push(invalid(field, domain, 'should be a domain with at least two segments separated by dots'));
  }
  errors.push(...firstOddPart(path, dns1123SubdomainErrors, field));
  return name.length > MAX_NAME ? [...errors, tooLong(field, MAX_NAME)] : errors;
}

/** One part between dots is complained of, even if all are odd. */
function firstOddPart(text: string, rule: (part: string) => string[], field: string): FieldError[] {
  const odd = text.split('.').find((part) => rule(part).length > 0);
  if (odd === undefined) return [];
  return rule(odd).map((error) => invalid(field, text, `validating label ${JSON.stringify(odd)}: ${error}`));
}
