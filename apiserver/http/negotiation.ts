// Which representation the client gets: reads Accept and Content-Type as upstream does
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/negotiation). Protobuf is read
// but never written: its clients accept JSON answers.
import { StatusError } from '../../api/status.ts';

export type Shape = 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Representation {
  readonly encoding: 'json' | 'yaml';
  readonly shape: Shape;
  /** Of a Table or PartialObjectMetadata: `v1` or `v1beta1` of meta.k8s.io. */
  readonly version: string;
}

export const JSON_OBJECT: Representation = { encoding: 'json', shape: 'object', version: '' };
const YAML_OBJECT: Representation = { encoding: 'yaml', shape: 'object', version: '' };

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The clauses of an Accept header, best first; equal quality keeps the client's order. */
export function readAccept(header: string): Clause[] {
  return header
    .split(',')
    .map((text) => {
      const [type, ...rest] = text.split(';').map((part) => part.trim());
      const parameters = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
      const quality = Number(parameters.get('q') ?? 1);
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    })
    .filter((clause) => clause.type !== '')
    .sort((a, b) => b.quality - a.quality);
}

/** The representation an Accept header asks for; undefined when none of its clauses can be served. `tables`: whether a Table can. */
export function negotiate(header: string | undefined, { tables } = { tables: true }): Representation | undefined {
  if (!header || header === 'application/json' || header === '*/*') return JSON_OBJECT;
  for (const clause of readAccept(header)) {
    const encoding = encodingOf(clause.type);
    if (!encoding) continue;
    const shape = clause.parameters.get('as');
    if (!shape) return encoding === 'json' ? JSON_OBJECT : YAML_OBJECT;
    const version = clause.parameters.get('v') ?? '';
    const known = clause.parameters.get('g') === 'meta.k8s.io' && /^v1(beta1)?$/.test(version);
    if (known && isShape(shape) && (tables || shape !== 'Table')) return { encoding, shape, version };
  }
  return undefined;
}

function isShape(text: string): text is Shape {
  return text === 'Table' || text === 'PartialObjectMetadata' || text === 'PartialObjectMetadataList';
}

function encodingOf(type: string): 'json' | 'yaml' | undefined {
  if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'json';
  return type === 'application/yaml' ? 'yaml' : undefined;
}

const REPRESENTATIONS = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
const STREAMS = ', application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** 406 in the words of the endpoint installer; lists and watches name the stream types too. */
export function notAcceptable(options: { streams: boolean }): StatusError {
  return notAcceptableBut(`${REPRESENTATIONS}${options.streams ? STREAMS : ''}`);
}

/** 406 that names the representations there are. */
export function notAcceptableBut(available: string): StatusError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available}`;
  return new StatusError(406, 'NotAcceptable', message, {});
}

/** 406 for an `as=` that is not known. */
export function unknownShape(): StatusError {
  const message = `only the following media types are accepted: ${REPRESENTATIONS}`;
  return new StatusError(406, 'NotAcceptable', message);
}

/** Negotiates or throws 406. */
export function representationFor(
  accept: string | undefined,
  options: { streams: boolean; tables: boolean },
): Representation {
  const found = negotiate(accept, options);
  if (!found) throw accept?.includes('as=') ? unknownShape() : notAcceptable(options);
  return found;
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaType(header: string | undefined): string {
  const end = header?.indexOf(';') ?? -1;
  return (end < 0 ? (header ?? '') : header!.slice(0, end)).trim().toLowerCase();
}

/** How a request's body is written. An absent Content-Type means JSON. Throws 415. */
export function bodyEncoding(contentType: string | undefined): 'json' | 'yaml' | 'protobuf' {
  const type = mediaType(contentType);
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === 'application/vnd.kubernetes.protobuf') return 'protobuf';
  throw StatusError.unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${REPRESENTATIONS}`,
  );
}
