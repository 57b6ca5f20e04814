// What a label key, a label value and the names of objects may look like, in upstream's words
// (k8s.io/apimachinery v0.36 pkg/util/validation and pkg/api/validate/content). Each answers with what is wrong; nothing: fine.

const example = (message: string, regex: string, ...examples: string[]): string =>
  `${message} (e.g. ${examples.map((one) => `'${one}'`).join(',  or ')}, regex used for validation is '${regex}')`;

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const VALUE = `(${QUALIFIED})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';

const whole = (regex: string): RegExp => new RegExp(`^${regex}$`);
const LABEL_PATTERN = whole(LABEL);
const SUBDOMAIN_PATTERN = whole(SUBDOMAIN);
const QUALIFIED_PATTERN = whole(QUALIFIED);
const VALUE_PATTERN = whole(VALUE);
const CONFIG_KEY_PATTERN = whole(CONFIG_KEY);

const LABEL_WORDS = example(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  'my-name',
  '123-abc',
);
const SUBDOMAIN_WORDS = example(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  'example.com',
);
const QUALIFIED_WORDS = example(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED,
  'MyName',
  'my.name',
  '123-abc',
);
const VALUE_WORDS = example(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  VALUE,
  'MyValue',
  'my_value',
  '12345',
);
const CONFIG_KEY_WORDS = example(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  CONFIG_KEY,
  'key.name',
  'KEY_NAME',
  'key-name',
);
const UNDERSCORED_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORED = `${UNDERSCORED_LABEL}(\\.${UNDERSCORED_LABEL})*`;
const UNDERSCORED_PATTERN = whole(UNDERSCORED);
const UNDERSCORED_WORDS = example(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  UNDERSCORED,
  'example.com',
);
const LETTER_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const LETTER_LABEL_PATTERN = whole(LETTER_LABEL);
const LETTER_LABEL_WORDS = example(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  LETTER_LABEL,
  'my-name',
  'abc-123',
);
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const WILDCARD_PATTERN = whole(WILDCARD);
const WILDCARD_WORDS = example(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  WILDCARD,
  '*.example.com',
);
const HEADER = '[-A-Za-z0-9]+';
const HEADER_PATTERN = whole(HEADER);
const HEADER_WORDS = example(
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  HEADER,
  'X-Header-Name',
);
const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const IDENTIFIER_PATTERN = whole(IDENTIFIER);
const IDENTIFIER_WORDS = example(
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  IDENTIFIER,
  'my_name',
  'MY_NAME',
  'MyName',
);
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_PATTERN = whole(REASON);
const REASON_WORDS = example(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  REASON,
  'my_name',
  'MY_NAME',
  'MyName',
  'ReasonA,ReasonB',
  'ReasonA:ReasonB',
);
const ENV_NAME_WORDS =
  "a valid environment variable name must consist only of printable ASCII characters other than '='";

const longer = (text: string, max: number): string[] =>
  text.length > max ? [`must be no more than ${max} characters`] : [];
const bytes = (text: string): number => Buffer.byteLength(text);

/** RFC 1123 label: `my-name`. */
export function dns1123LabelErrors(text: string): string[] {
  return [...longer(text, 63), ...(LABEL_PATTERN.test(text) ? [] : [LABEL_WORDS])];
}

/** RFC 1035 label: it begins with a letter. */
export function dns1035LabelErrors(text: string): string[] {
  return [...longer(text, 63), ...(LETTER_LABEL_PATTERN.test(text) ? [] : [LETTER_LABEL_WORDS])];
}

/** RFC 1123 subdomain: `example.com`. */
export function dns1123SubdomainErrors(text: string): string[] {
  return [...longer(text, 253), ...(SUBDOMAIN_PATTERN.test(text) ? [] : [SUBDOMAIN_WORDS])];
}

/** A domain to search in, which may have underscores. */
export function underscoredSubdomainErrors(text: string): string[] {
  return [...longer(text, 253), ...(UNDERSCORED_PATTERN.test(text) ? [] : [UNDERSCORED_WORDS])];
}

/** `*.example.com` */
export function wildcardSubdomainErrors(text: string): string[] {
  return [...longer(text, 253), ...(WILDCARD_PATTERN.test(text) ? [] : [WILDCARD_WORDS])];
}

/** `X-Header-Name` */
export function httpHeaderNameErrors(text: string): string[] {
  return HEADER_PATTERN.test(text) ? [] : [HEADER_WORDS];
}

/** The beginning of a name that is completed later: it may end in a dash. */
export function dns1123PrefixErrors(text: string): string[] {
  return dns1123SubdomainErrors(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);
}

/** A name that is one segment of a path, as RBAC objects have it. */
export function pathSegmentErrors(text: string): string[] {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((char) => text.includes(char)).map((char) => `may not contain '${char}'`);
}

/** `[prefix/]name`: keys of labels and annotations, finalizers. */
export function qualifiedNameErrors(text: string): string[] {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${QUALIFIED_WORDS.replace(/\)$/, '')}) with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts[parts.length - 1];
  const errors: string[] = [];
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else errors.push(...dns1123SubdomainErrors(parts[0]).map((error) => `prefix part ${error}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (bytes(name) > 63) errors.push('name part must be no more than 63 bytes');
  if (!QUALIFIED_PATTERN.test(name)) errors.push(`name part ${QUALIFIED_WORDS}`);
  return errors;
}

export const labelKeyErrors = qualifiedNameErrors;

export function labelValueErrors(text: string): string[] {
  const errors = bytes(text) > 63 ? ['must be no more than 63 bytes'] : [];
  return VALUE_PATTERN.test(text) ? errors : [...errors, VALUE_WORDS];
}

/** A name as the C language has it. */
export function identifierErrors(text: string): string[] {
  return IDENTIFIER_PATTERN.test(text) ? [] : [IDENTIFIER_WORDS];
}

/** Reasons of conditions. */
export function conditionReasonErrors(text: string): string[] {
  return REASON_PATTERN.test(text) ? [] : [REASON_WORDS];
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyErrors(text: string): string[] {
  const errors = longer(text, 253);
  if (!CONFIG_KEY_PATTERN.test(text)) errors.push(CONFIG_KEY_WORDS);
  if (text === '.') errors.push("must not be '.'");
  else if (text === '..') errors.push("must not be '..'");
  else if (text.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

/** Names of environment variables (relaxed form). */
export function envNameErrors(text: string): string[] {
  return /^[ -<>-~]+$/.test(text) ? [] : [ENV_NAME_WORDS];
}

/** `http`, `my-port`: names of container ports, and target ports. */
export function portNameErrors(text: string): string[] {
  const errors: string[] = [];
  if (text.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(text)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) errors.push('must contain at least one letter (a-z)');
  if (text.includes('--')) errors.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

/** 1 to 65535. */
export function portNumberErrors(port: number): string[] {
  return port >= 1 && port <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}
