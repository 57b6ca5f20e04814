// DeleteOptions, from the body or the query (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/validation).
import { type FieldError, invalid, notSupported } from '../../api/field.ts';
import type { AnyObject } from '../../api/object.ts';
import { parseJson } from '../../api/schema/json.ts';
import { StatusError } from '../../api/status.ts';
import type { DeleteOptions as Options } from '../../api/types/meta.v1.ts';
import type { Call } from './registry.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

const KIND = { group: 'meta.k8s.io', kind: 'DeleteOptions' };
const POLICIES = ['Background', 'Foreground', 'Orphan'];

/** Throws 400 for what cannot be read and 422 for what makes no sense. A body beats the query. */
export function readDeleteOptions(call: Call): DeleteOptions {
  const given = call.body.length > 0 ? fromBody(call.body) : fromQuery(call.query);
  const errors = problems(given);
  if (errors.length > 0) throw StatusError.invalid(KIND, '', errors);
  const { orphanDependents, propagationPolicy } = given;
  const policy = orphanDependents === undefined ? propagationPolicy : orphanDependents ? 'Orphan' : 'Background';
  return {
    gracePeriodSeconds: given.gracePeriodSeconds === undefined ? undefined : Math.max(given.gracePeriodSeconds, -1),
    propagationPolicy: policy as DeleteOptions['propagationPolicy'],
    preconditions: given.preconditions,
    dryRun: given.dryRun?.includes('All') === true || call.query.get('dryRun') === 'All',
  };
}

function fromBody(body: Buffer): Options {
  let options: AnyObject;
  try {
    options = parseJson(body.toString()).value as AnyObject;
  } catch (error) {
    throw StatusError.badRequest((error as Error).message);
  }
  if (typeof options !== 'object' || options === null) throw StatusError.badRequest('DeleteOptions must be an object');
  if (options.kind !== undefined && options.kind !== '' && options.kind !== 'DeleteOptions') {
    throw StatusError.badRequest(`decoded object cannot be converted to DeleteOptions: it is a ${options.kind}`);
  }
  expectType(options, 'gracePeriodSeconds', 'number', 'int64');
  expectType(options, 'propagationPolicy', 'string', 'v1.DeletionPropagation');
  expectType(options, 'orphanDependents', 'boolean', 'bool');
  return options as Options;
}

function expectType(options: AnyObject, field: string, type: string, goType: string): void {
  const value = options[field];
  if (value === undefined || value === null) {
    delete options[field];
    return;
  }
  if (typeof value === type) return;
  const said = typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? 'array' : typeof value;
  throw StatusError.badRequest(
    `json: cannot unmarshal ${said} into Go struct field DeleteOptions.${field} of type ${goType}`,
  );
}

function fromQuery(query: URLSearchParams): Options {
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  if (grace !== null && !/^[+-]?\d+$/.test(grace)) {
    throw StatusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  }
  return {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(orphan !== null && { orphanDependents: orphan !== 'false' && orphan !== '0' }),
    ...(policy && { propagationPolicy: policy }),
    ...(query.has('dryRun') && { dryRun: query.getAll('dryRun') }),
  };
}

function problems({ propagationPolicy, orphanDependents, dryRun }: Options): FieldError[] {
  const errors: FieldError[] = [];
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    errors.push(
      invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.push(notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil']));
  }
  for (const value of dryRun ?? []) if (value !== 'All') errors.push(notSupported('dryRun', [value], ['All']));
  return errors;
}
