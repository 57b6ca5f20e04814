// DeleteOptions, from the body (JSON, YAML or protobuf) or the query (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/validation).
import { type FieldError, invalid, notSupported } from '../../api/field.ts';
import type { AnyObject } from '../../api/object.ts';
import { DecodeError, normalize } from '../../api/schema/decode.ts';
import { JsonError, parseJson } from '../../api/schema/json.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { StatusError } from '../../api/status.ts';
import type { DeleteOptions as Options } from '../../api/types/meta.v1.ts';
import { readBody } from '../http/body.ts';
import { bodyEncoding } from '../http/negotiation.ts';
import type { Call, Registry } from './registry.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

const KIND = { group: 'meta.k8s.io', kind: 'DeleteOptions' };
const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** Throws 400 for what cannot be read and 422 for what makes no sense. A body beats the query. */
export async function readDeleteOptions(registry: Registry, call: Call): Promise<DeleteOptions> {
  const given = call.body.length > 0 ? await fromBody(registry, call) : fromQuery(call.query);
  const errors = problems(given);
  if (errors.length > 0) throw StatusError.invalid(KIND, '', errors);
  const { orphanDependents, propagationPolicy } = given;
  const policy = orphanDependents === undefined ? propagationPolicy : orphanDependents ? 'Orphan' : 'Background';
  return {
    gracePeriodSeconds: given.gracePeriodSeconds === undefined ? undefined : Math.max(given.gracePeriodSeconds, -1),
    propagationPolicy: policy as DeleteOptions['propagationPolicy'],
    preconditions: given.preconditions,
    dryRun: given.dryRun?.includes('All') === true,
  };
}

/** Every group has a DeleteOptions of its own, and all are this one: the apiVersion is not looked at. */
async function fromBody(registry: Registry, call: Call): Promise<Options> {
  const { schema } = registry.catalogue.shape('', 'v1', 'DeleteOptions')!;
  const options = await readValue(call, schema);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw StatusError.badRequest('DeleteOptions must be an object');
  }
  const { kind } = options as AnyObject;
  if (kind !== undefined && kind !== null && kind !== '' && kind !== 'DeleteOptions') {
    throw StatusError.badRequest(`decoded object cannot be converted to DeleteOptions: it is a ${kind}`);
  }
  try {
    normalize(schema, options as AnyObject);
  } catch (error) {
    if (error instanceof DecodeError) throw StatusError.badRequest(error.message);
    throw error;
  }
  return options as Options;
}

/** JSON's own words stand alone here, unlike those of objects that are written. */
async function readValue({ headers, body }: Call, schema: Schema): Promise<unknown> {
  const contentType = headers['content-type'];
  if (bodyEncoding(contentType) !== 'json') {
    return (await readBody({ contentType, body, kind: 'DeleteOptions', schema, duplicates: false })).value;
  }
  try {
    return parseJson(body.toString()).value;
  } catch (error) {
    if (error instanceof JsonError) throw StatusError.badRequest(error.message);
    throw error;
  }
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
