// Bodies of writes: JSON, YAML 1.1 or protobuf to a value, with upstream's words for what cannot be read
// (k8s.io/apimachinery v0.36 pkg/runtime/serializer/recognizer, sigs.k8s.io/yaml).
import { decodeMessage, openEnvelope } from '../../api/protobuf/decode.ts';
import { ProtobufError } from '../../api/protobuf/wire.ts';
import type { ParsedJson } from '../../api/schema/json.ts';
import { JsonError, parseJson } from '../../api/schema/json.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { StatusError } from '../../api/status.ts';
import { bodyEncoding } from './negotiation.ts';

export interface ReadBody {
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** The kind the body should be of, as messages name it. */
  readonly kind: string;
  /** Of that kind; protobuf cannot be read without it. */
  readonly schema: Schema;
  /** Whether keys given twice are wanted. */
  readonly duplicates: boolean;
}

export interface BodyRead extends ParsedJson {
  /** What a strict reader of YAML complains of. */
  readonly found?: readonly string[];
}

const UNNAMED = "couldn't get version/kind";

/** Throws 400 for text that is neither, 415 for another media type. */
export async function readBody({ contentType, body, kind, schema, duplicates }: ReadBody): Promise<BodyRead> {
  const encoding = bodyEncoding(contentType);
  const unrecognized = (why: string): StatusError =>
    StatusError.badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${excerpt(body)})`);
  if (encoding === 'protobuf') {
    try {
      return { value: readProtobuf(body, kind, schema), keys: [] };
    } catch (error) {
      if (error instanceof ProtobufError) throw unrecognized(`${UNNAMED}; ${error.message}`);
      throw error;
    }
  }
  if (encoding === 'yaml') {
    const { parseYaml, YamlError } = await import('./yaml.ts');
    try {
      const { value, problem } = parseYaml(body.toString());
      return { value, keys: [], ...(problem && { found: [problem] }) };
    } catch (error) {
      if (error instanceof YamlError) throw unrecognized(error.message);
      throw error;
    }
  }
  try {
    const read = parseJson(body.toString(), { duplicates });
    const problem = typeProblem(read.value);
    if (problem) throw unrecognized(problem);
    return read.value === null ? { ...read, value: {} } : read;
  } catch (error) {
    if (error instanceof JsonError) throw unrecognized(`${UNNAMED}; json parse error: ${error.message}`);
    throw error;
  }
}

const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** What keeps anybody from seeing which kind it is of; null is taken for an object with nothing in it. */
function typeProblem(value: unknown): string | undefined {
  if (value === null) return undefined;
  const failed = `${UNNAMED}; json parse error: json: cannot unmarshal`;
  if (typeof value !== 'object' || Array.isArray(value))
    return `${failed} ${typeName(value)} into Go value of type ${TYPE_META}`;
  const { apiVersion, kind } = value as Record<string, unknown>;
  for (const [field, said] of Object.entries({ apiVersion, kind })) {
    if (said === undefined || said === null || typeof said === 'string') continue;
    return `${failed} ${typeName(said)} into Go struct field .${field} of type string`;
  }
  const isVersion = typeof apiVersion !== 'string' || apiVersion.split('/').length <= 2;
  return isVersion ? undefined : `unexpected GroupVersion string: ${apiVersion}`;
}

function typeName(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** An object of another kind is left unread: that it is another is all there is to say. */
function readProtobuf(body: Buffer, expected: string, schema: Schema): unknown {
  const { apiVersion, kind, raw } = openEnvelope(body);
  return { ...(kind === expected && decodeMessage(schema, raw)), apiVersion, kind };
}

/** The body's beginning as upstream shows it: as text when it looks like JSON, else in hex. */
function excerpt(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const asText = body[0] === 0x7b;
  const shown = body.subarray(0, 30);
  const more = body.length > 30 ? ' ...' : '';
  return `${asText ? shown.toString() : shown.toString('hex')}${more}`;
}
