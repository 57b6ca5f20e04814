// The OpenAPI v2 document in protobuf, the only form in which kubectl up to 1.27 reads it (gnostic's openapi.v2.Document,
// github.com/google/gnostic openapiv2/OpenAPIv2.proto): as much of it as `openapiV2` says.
import { encodeMessage, type FieldShape, type Message } from '../../api/protobuf/write.ts';

const string = (number: number): FieldShape => ({ number, type: 'string' });
const strings = (number: number): FieldShape => ({ number, type: 'string', repeated: true });
const bool = (number: number): FieldShape => ({ number, type: 'bool' });
const one = (number: number, type: Message): FieldShape => ({ number, type });
const each = (number: number, type: Message): FieldShape => ({ number, type, repeated: true });
const mapOf = (number: number, type: Message): FieldShape => ({ number, type, map: true });

/** Any value, as YAML; JSON is YAML. */
const any: Message = { fields: { yaml: string(2) }, from: (value) => ({ yaml: JSON.stringify(value) }) };

/** A message around a single value: gnostic's way to say "one of", and "list of". */
const around = (name: string, field: FieldShape): Message => ({
  fields: { [name]: field },
  from: (value) => ({ [name]: value }),
});

const schemaFields: Record<string, FieldShape> = {
  $ref: string(1),
  format: string(2),
  description: string(4),
  default: one(5, any),
  required: strings(19),
  enum: each(20, any),
  type: one(22, { fields: { type: strings(1) }, from: (type) => ({ type: [type] }) }),
};
const schema: Message = { fields: schemaFields, extensions: mapOf(31, any) };
schemaFields.additionalProperties = one(21, around('schema', one(1, schema)));
schemaFields.items = one(23, around('schema', one(1, schema)));
schemaFields.properties = one(25, around('properties', mapOf(1, schema)));

const bodyParameter: Message = {
  fields: { name: string(2), in: string(3), required: bool(4), schema: one(5, schema) },
};
const queryParameter: Message = { fields: { in: string(2), name: string(4), type: string(6) } };
const pathParameter: Message = { fields: { required: bool(1), in: string(2), name: string(4), type: string(5) } };
const parameter: Message = {
  fields: {
    body: one(1, bodyParameter),
    query: one(2, around('query', one(3, queryParameter))),
    path: one(2, around('path', one(4, pathParameter))),
  },
  from: (value) => ({ [(value as { in: string }).in]: value }),
};

const response: Message = { fields: { description: string(1), schema: one(2, around('schema', one(1, schema))) } };
const responseValue = around('response', one(1, response));

const operation: Message = {
  fields: {
    tags: strings(1),
    operationId: string(5),
    produces: strings(6),
    consumes: strings(7),
    parameters: each(8, around('parameter', one(1, parameter))),
    responses: one(9, around('codes', mapOf(1, responseValue))),
    schemes: strings(10),
  },
  extensions: mapOf(13, any),
};
const pathItem: Message = {
  fields: {
    get: one(2, operation),
    put: one(3, operation),
    post: one(4, operation),
    delete: one(5, operation),
    options: one(6, operation),
    head: one(7, operation),
    patch: one(8, operation),
    parameters: each(9, around('parameter', one(1, parameter))),
  },
};

const document: Message = {
  fields: {
    swagger: string(1),
    info: one(2, { fields: { title: string(1), version: string(2) } }),
    paths: one(8, around('paths', mapOf(2, pathItem))),
    definitions: one(9, around('definitions', mapOf(1, schema))),
  },
};

/** Clients ask with an `@` that no Content-Type may have. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** `json`: the document as `openapiV2` makes it. */
export const openapiV2Protobuf = (json: object): Buffer => encodeMessage(document, json);
