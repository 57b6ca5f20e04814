// How an answer is written: the object itself, a Table or its metadata only; JSON or YAML; plain or for eyes.
import type { OutgoingHttpHeaders } from 'node:http';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf, type ListMeta } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { type IncludeObject, tableOf } from '../../api/table.ts';
import { decodeStored, itemOf, jsonOf } from '../registry/codec.ts';
import type { Answer } from '../registry/registry.ts';
import { type Representation, unknownShape } from './negotiation.ts';

export interface Rendered {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  /** Besides those that every answer has, or in their place. */
  readonly headers?: OutgoingHttpHeaders;
}

export interface RenderOptions {
  readonly representation: Representation;
  /** Whether JSON is indented. */
  readonly pretty: boolean;
  /** `?includeObject` of a Table. */
  readonly includeObject: IncludeObject;
  /** ms since the epoch, for ages in Tables. */
  readonly now: number;
}

type Content = Exclude<Answer, { type: 'watch' }>;

export async function render(kind: Kind, answer: Content, options: RenderOptions): Promise<Rendered> {
  const { representation, pretty } = options;
  const status = answer.type === 'list' ? 200 : answer.status;
  const isPlain = representation.encoding === 'json' && representation.shape === 'object' && !pretty;
  if (isPlain && answer.type === 'stored') return json(status, jsonOf(kind, answer.value));
  if (isPlain && answer.type === 'list') return json(status, listJson(kind, answer.items, answer.metadata));
  const value = contentOf(kind, answer, options);
  return write(status, value, options);
}

/** Writes any value in the client's encoding. */
export async function write(
  status: number,
  value: unknown,
  { representation, pretty }: Pick<RenderOptions, 'representation' | 'pretty'>,
): Promise<Rendered> {
  if (representation.encoding === 'yaml') {
    const { formatYaml } = await import('./yaml.ts');
    return { status, contentType: 'application/yaml', body: Buffer.from(formatYaml(value)) };
  }
  return json(status, Buffer.from(pretty ? JSON.stringify(value, null, 2) : JSON.stringify(value)));
}

const json = (status: number, body: Buffer): Rendered => ({ status, contentType: 'application/json', body });

/** Stored objects joined into a list, without decoding any of them. */
function listJson(kind: Kind, items: readonly Buffer[], metadata: ListMeta): Buffer {
  const head = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind.group, kind.version), metadata };
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
  for (const [index, item] of items.entries()) parts.push(index === 0 ? OPEN : NEXT, itemOf(kind, item));
  parts.push(END);
  return Buffer.concat(parts);
}

const OPEN = Buffer.from('{');
const NEXT = Buffer.from(',{');
const END = Buffer.from(']}');

function contentOf(kind: Kind, answer: Content, options: RenderOptions): unknown {
  if (answer.type === 'other') return otherOf(answer, options);
  const objects = objectsOf(kind, answer);
  const { shape, version } = options.representation;
  const apiVersion = `meta.k8s.io/${version}`;
  const metadata = answer.type === 'list' ? answer.metadata : { resourceVersion: objects[0].metadata.resourceVersion };
  if (shape === 'Table') {
    const { includeObject, now } = options;
    return tableOf(kind, objects, now, { includeObject, version, metadata: { ...metadata } });
  }
  checkShape(kind, answer, shape);
  if (answer.type !== 'list') return shape === 'object' ? objects[0] : partial(objects[0], apiVersion);
  if (shape !== 'object') {
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion,
      metadata,
      items: objects.map((one) => partial(one, apiVersion)),
    };
  }
  const items = objects.map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest);
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind.group, kind.version), metadata, items };
}

/** A Status stays one, whatever was asked for. */
function otherOf({ object, shown }: Extract<Content, { type: 'other' }>, options: RenderOptions): object {
  const { representation, includeObject, now } = options;
  const { shape, version } = representation;
  const whole = object as AnyObject;
  if (shape === 'object' || whole.kind === 'Status') return object;
  if (shape !== 'Table') return partial(whole, `meta.k8s.io/${version}`);
  if (!shown) throw unknownShape();
  const metadata = { resourceVersion: whole.metadata.resourceVersion };
  return tableOf(shown, [whole], now, { includeObject, version, metadata });
}

/** Metadata of a list is a list's, that of an object an object's. Throws 406. */
function checkShape(kind: Kind, { type }: Content, shape: Representation['shape']): void {
  const goName = `*${kind.group.split('.')[0] || 'core'}.${kind.kind}`;
  if (type === 'list' && shape === 'PartialObjectMetadata') {
    const why = `you requested PartialObjectMetadata, but the requested object is a list (${goName}List)`;
    throw new StatusError(406, 'NotAcceptable', why);
  }
  if (type !== 'list' && shape === 'PartialObjectMetadataList') {
    const why = `you requested PartialObjectMetadataList, but the requested object is not a list (${goName})`;
    throw new StatusError(406, 'NotAcceptable', why);
  }
}

function objectsOf(kind: Kind, answer: Exclude<Content, { type: 'other' }>): AnyObject[] {
  if (answer.type === 'object') return [answer.object];
  const values = answer.type === 'list' ? answer.items : [answer.value];
  return values.map((value) => decodeStored(kind, value));
}

export function partial(object: AnyObject, apiVersion: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
