// resourceVersion as clients write it: a decimal number, or '' and '0' for "any". Upstream answers a bad one differently per
// verb: 400 to lists, 500 without a reason to the rest (k8s.io/apiserver v0.36 pkg/storage/etcd3, pkg/storage/cacher).
import { invalid } from '../../api/field.ts';
import { StatusError } from '../../api/status.ts';

const syntaxError = (text: string): string => `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;

/** An error upstream did not classify: code 500, no reason. */
export function unclassified(message: string): StatusError {
  return new StatusError(500, '', message);
}

function parse(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Of a GET or watch. Absent and '' are 0. Throws 500. */
export function objectVersion(text: string | null): number {
  if (!text) return 0;
  const version = parse(text);
  if (version === undefined) throw unclassified(invalid('resourceVersion', text, syntaxError(text)).toString());
  return version;
}

/** Of a LIST. Throws 400. */
export function listVersion(text: string | null): number {
  if (!text) return 0;
  const version = parse(text);
  if (version !== undefined) return version;
  const why = invalid('resourceVersion', text, syntaxError(text)).toString();
  throw StatusError.badRequest(`invalid resource version: ${why}`);
}

/** Of an object a client writes. Absent, '' and '0' mean "whatever is there". Throws 500. */
export function writtenVersion(text: string | undefined): number {
  if (!text) return 0;
  const version = parse(text);
  if (version === undefined) throw unclassified(syntaxError(text));
  return version;
}

/** 504 that a client takes as "ask again later". `current` is the newest revision. */
export function tooLarge(asked: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** 410 to a watch or list of a version that history no longer reaches. */
export function tooOld(asked: number, oldest: number): StatusError {
  return StatusError.expired(`too old resource version: ${asked} (${oldest})`);
}
