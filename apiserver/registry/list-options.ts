// The options of lists and watches, and which of them go together
// (k8s.io/apimachinery v0.36 pkg/apis/meta/internalversion/validation/validation.go).
import { type FieldError, forbidden, FieldError as Problem } from '../../api/field.ts';
import { StatusError } from '../../api/status.ts';
import { isWatch } from '../http/request-info.ts';

export interface ListOptions {
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly match: '' | 'Exact' | 'NotOlderThan';
  readonly watch: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowWatchBookmarks: boolean;
  /** Seconds; 0: the server chooses. */
  readonly timeoutSeconds: number;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** Throws 400 for what cannot be read and 422 for what does not go together. */
export function readListOptions(query: URLSearchParams): ListOptions {
  const initial = query.get('sendInitialEvents');
  const options = {
    limit: integer(query.get('limit')),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    match: (query.get('resourceVersionMatch') ?? '') as ListOptions['match'],
    watch: isWatch(query),
    sendInitialEvents: initial === null ? undefined : isOn(initial),
    allowWatchBookmarks: isOn(query.get('allowWatchBookmarks')),
    timeoutSeconds: integer(query.get('timeoutSeconds')),
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  };
  const errors = options.watch ? watchProblems(options) : listProblems(options);
  if (errors.length > 0) throw StatusError.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return options;
}

const isOn = (text: string | null): boolean => text !== null && text !== 'false' && text !== '0';

function integer(text: string | null): number {
  if (text === null || text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) {
    throw StatusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) {
    throw StatusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return Number(text);
}

const MATCH = 'resourceVersionMatch';

function listProblems(options: ListOptions): FieldError[] {
  const problems = options.match ? matchProblems(options) : [];
  if (options.sendInitialEvents !== undefined) {
    problems.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return problems;
}

function matchProblems(options: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  if (!options.resourceVersion) {
    problems.push(forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`));
  }
  if (options.continue) problems.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
  if (options.match !== 'Exact' && options.match !== 'NotOlderThan')
    problems.push(unknownMatch(options.match, '"Exact", "NotOlderThan", ""'));
  if (options.match === 'Exact' && options.resourceVersion === '0') {
    problems.push(forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`));
  }
  return problems;
}

function watchProblems(options: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  if (options.sendInitialEvents === undefined) {
    if (options.match) {
      problems.push(forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
    }
  } else {
    if (options.match !== 'NotOlderThan') {
      problems.push(forbidden(MATCH, `sendInitialEvents requires setting ${MATCH} to NotOlderThan`));
    }
  }
  if (options.match && options.match !== 'NotOlderThan') problems.push(unknownMatch(options.match, '"NotOlderThan"'));
  if (options.continue) problems.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
  return problems;
}

const unknownMatch = (match: string, known: string): FieldError =>
  new Problem('FieldValueNotSupported', MATCH, match, `supported values: ${known}`);
