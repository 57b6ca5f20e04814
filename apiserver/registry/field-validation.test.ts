// Fields given twice and fields there are none of, in every kind of body, under Strict, Warn and Ignore (k8s.io/apiserver v0.36
// pkg/endpoints/handlers/patch.go, apimachinery pkg/runtime/serializer/json).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const json = (name: string): string =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"a":"1","a":"2"},"immutable":true,"odd":1,"immutable":false}`;
const yaml = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: "1"\n  a: "2"\nimmutable: true\nimmutable: false\n`;
const TWICE = 'line 7: key "a" already set in map';
const THEN = 'line 9: key "immutable" already set in map';
const YAML_ERRORS = `yaml: unmarshal errors:\n  ${TWICE}\n  ${THEN}`;

interface Row {
  readonly what: string;
  readonly method: string;
  readonly contentType: string;
  readonly body: (name: string) => string;
  /** Under Warn. */
  readonly warnings: readonly string[];
  /** Under Strict. */
  readonly code: number;
  readonly message: string;
}

const JSON_WARNINGS = ['duplicate field "data.a"', 'unknown field "odd"', 'duplicate field "immutable"'];
const MERGE_BODY = '{"data":{"a":"1","a":"2"},"odd":{"b":1,"b":2}}';
const MERGE_WARNINGS = ['duplicate field "data.a"', 'duplicate field "odd.b"', 'unknown field "odd"'];
const JSON_PATCH = '[{"op":"add","path":"/data/a","path":"/data/a","value":"2","odd":1}]';
const ROWS: readonly Row[] = [
  {
    what: 'POST of JSON',
    method: 'POST',
    contentType: 'application/json',
    body: json,
    warnings: JSON_WARNINGS,
    code: 400,
    message: `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${JSON_WARNINGS.join(', ')}`,
  },
  {
    what: 'PUT of JSON',
    method: 'PUT',
    contentType: 'application/json',
    body: json,
    warnings: JSON_WARNINGS,
    code: 400,
    message: `strict decoding error: ${JSON_WARNINGS.join(', ')}`,
  },
  {
    what: 'POST of YAML',
    method: 'POST',
    contentType: 'application/yaml',
    body: (name) => `${yaml(name)}odd: 1\n`,
    warnings: [TWICE, THEN, 'unknown field "odd"'],
    code: 400,
    message: `cannot be handled as a ConfigMap: strict decoding error: ${YAML_ERRORS}, unknown field "odd"`,
  },
  {
    what: 'merge patch',
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: () => MERGE_BODY,
    warnings: MERGE_WARNINGS,
    code: 422,
    message: `: strict decoding error: ${MERGE_WARNINGS.join(', ')}`,
  },
  {
    what: 'strategic merge patch',
    method: 'PATCH',
    contentType: 'application/strategic-merge-patch+json',
    body: () => MERGE_BODY,
    warnings: MERGE_WARNINGS,
    code: 422,
    message: `: strict decoding error: ${MERGE_WARNINGS.join(', ')}`,
  },
  {
    what: 'JSON patch',
    method: 'PATCH',
    contentType: 'application/json-patch+json',
    body: () => JSON_PATCH,
    warnings: ['json patch duplicate field "[0].path"', 'json patch unknown field "[0].odd"'],
    code: 422,
    message: 'strict decoding error: json patch duplicate field "[0].path", json patch unknown field "[0].odd"',
  },
  {
    what: 'apply of YAML',
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    body: yaml,
    warnings: [TWICE, THEN],
    code: 400,
    message: `error strict decoding YAML: error converting YAML to JSON: ${YAML_ERRORS}`,
  },
  {
    what: 'apply of JSON',
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    body: (name) => json(name).replace(',"odd":1', '').replaceAll(',"', ',\n"'),
    warnings: ['line 5: key "a" already set in map', 'line 7: key "immutable" already set in map'],
    code: 400,
    message:
      'yaml: unmarshal errors:\n  line 5: key "a" already set in map\n  line 7: key "immutable" already set in map',
  },
];

describe.each(ROWS)('$what', ({ what, method, contentType, body, warnings, code, message }) => {
  const send = async (mode: string) => {
    const name = `${what}-${mode || 'default'}`.toLowerCase().replaceAll(' ', '-');
    if (method !== 'POST') await server.ask('POST', CONFIG_MAPS, { body: { metadata: { name }, data: { a: '1' } } });
    const path = method === 'POST' ? CONFIG_MAPS : `${CONFIG_MAPS}/${name}`;
    const query = `?fieldManager=m&force=${contentType.includes('apply')}&fieldValidation=${mode}`.replace(
      '&force=false',
      '',
    );
    return server.ask(method, path + query, { body: body(name), contentType });
  };
  const said = ({ headers }: Awaited<ReturnType<typeof send>>): string[] =>
    [...String(headers.warning ?? '').matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map(([, text]) => JSON.parse(text));

  it.each(['Warn', ''])('takes the last, and warns of it (%s)', async (mode) => {
    const reply = await send(mode);
    expect([reply.body.data, said(reply)]).toEqual([{ a: '2' }, warnings]);
  });

  it('takes the last in silence', async () => {
    const reply = await send('Ignore');
    expect([reply.body.data, said(reply)]).toEqual([{ a: '2' }, []]);
  });

  it('is refused when it is to be strict', async () => {
    const reply = await send('Strict');
    expect(reply.body).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

it('of YAML are the strings they look like', async () => {
  const body = 'metadata: {name: strings}\ndata:\n  date: 2001-12-14\n  port: 22:30\n  time: 2001-12-14T21:59:43Z\n';
  const reply = await server.ask('POST', CONFIG_MAPS, { body, contentType: 'application/yaml' });
  expect(reply.body.data).toEqual({ date: '2001-12-14', port: '22:30', time: '2001-12-14T21:59:43Z' });
});

it('nested too deep are refused', async () => {
  const deep = '[{"a":'.repeat(3000);
  for (const contentType of ['application/json', 'application/yaml', 'application/apply-patch+yaml']) {
    const method = contentType.includes('apply') ? 'PATCH' : 'POST';
    const path = method === 'POST' ? CONFIG_MAPS : `${CONFIG_MAPS}/deep?fieldManager=m`;
    const reply = await server.ask(method, path, { body: `{"data":${deep}1${'}]'.repeat(3000)}}`, contentType });
    expect(reply.body).toMatchObject({ code: 400, message: expect.stringContaining('exceeded max depth') });
  }
});
