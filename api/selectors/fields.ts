// Field selectors: `metadata.name=web,status.phase!=Running` (k8s.io/apimachinery v0.36 pkg/fields/selector.go).
import { StatusError } from '../status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  /** `fields`: the values of the fields that the object has; others are ''. */
  matches(fields: Readonly<Record<string, string>>): boolean;
  /** The value that `field` must have, when the selector asks for just one. */
  exact(field: string): string | undefined;
}

/** Throws StatusError 400. `\` escapes `,`, `=` and itself in values. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements = splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text));
  return {
    requirements,
    matches: (fields) =>
      requirements.every(({ field, operator, value }) => ((fields[field] ?? '') === value) === (operator === '=')),
    exact: (field) => requirements.find((one) => one.field === field && one.operator === '=')?.value,
  };
}

/** What a list selects from. */
export interface Selectable {
  readonly group: string;
  readonly kind: string;
  readonly selectableFields: readonly string[];
}

/** Throws in upstream's words for a field that the kind does not select by. */
export function checkSelectable(selector: FieldSelector, selectable: Selectable): void {
  for (const { field } of selector.requirements) {
    if (!selectable.selectableFields.includes(field)) throw StatusError.badRequest(refusal(field, selectable));
  }
}

/** k8s.io/apimachinery pkg/runtime/conversion.go; kinds that select by more have words of their own. */
function refusal(field: string, { group, kind, selectableFields }: Selectable): string {
  if (selectableFields.length === 2 && selectableFields[1] === 'metadata.namespace')
    return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  if (group === 'batch' && kind === 'Job') return `field label ${JSON.stringify(field)} not supported for Job`;
  if (group === 'resource.k8s.io' && kind === 'ResourceSlice')
    return `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`;
  return `field label not supported: ${field}`;
}

/** At commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  const terms = [''];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') terms[terms.length - 1] += text.slice(i, ++i + 1);
    else if (text[i] === ',') terms.push('');
    else terms[terms.length - 1] += text[i];
  }
  return terms;
}

function parseTerm(term: string, selector: string): FieldRequirement {
  for (let i = 0; i < term.length; i++) {
    for (const operator of ['!=', '==', '=']) {
      if (!term.startsWith(operator, i)) continue;
      return {
        field: term.slice(0, i),
        operator: operator === '!=' ? '!=' : '=',
        value: unescapeValue(term.slice(i + operator.length)),
      };
    }
  }
  throw StatusError.badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
}

function unescapeValue(value: string): string {
  let plain = '';
  for (let i = 0; i < value.length; i++) {
    if (value[i] !== '\\') {
      if (value[i] === ',' || value[i] === '=')
        throw StatusError.badRequest(`invalid field selector: unescaped character in value: ${value[i]}`);
      plain += value[i];
      continue;
    }
    const next = value[++i];
    if (next === undefined || !'\\,='.includes(next)) {
      throw StatusError.badRequest(`invalid field selector: invalid escape sequence: \\${next ?? ''}`);
    }
    plain += next;
  }
  return plain;
}
