// GET pods/NAME/log: the text of a container's log, from the agent of the pod's node as it comes
// (kubernetes v1.36 pkg/registry/core/pod/rest/log.go, k8s.io/apiserver pkg/registry/generic/rest).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FieldError, forbidden, invalid } from '../../api/field.ts';
import { hostPort } from '../../api/ip.ts';
import type { Kind } from '../../api/kind.ts';
import { StatusError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import type { Exchange } from '../http/pipeline.ts';
import { answerTo, beginRequest } from './backend.ts';
import { type ConnectContext, storedObject } from './connector.ts';
import { chosenContainer } from './containers.ts';
import { nodeBackend } from './node-backend.ts';

const FLAGS = ['follow', 'previous', 'timestamps'];
const NUMBERS = ['sinceSeconds', 'tailLines', 'limitBytes'];
/** Bytes of an error's text that are passed on. */
const ERROR_LIMIT = 50_000;

export async function serveLog(exchange: Exchange, _kind: Kind, context: ConnectContext): Promise<number> {
  const { info, response } = exchange;
  const asked = agentQuery(info.query, info.name);
  const pod = storedObject<Pod>(context.registry, 'Pod', info.namespace, info.name);
  const container = chosenContainer(pod, info.query.get('container') ?? '');
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) {
    // Nobody writes for a pod that has no node yet.
    response.writeHead(200, { 'content-type': 'text/plain' }).end();
    return 200;
  }
  const backend = nodeBackend(context, nodeName);
  const path = `/containerLogs/${info.namespace}/${info.name}/${container}?${asked}`;
  const left = new AbortController();
  response.on('close', () => left.abort(new Error('the client is gone')));
  const log = await request(context, backend, path, AbortSignal.any([context.signal, left.signal]));
  if (log.statusCode! > 206) throw await refusalOf(log, info.name);
  if (exchange.wantsWebSocket) {
    const { passLogToSocket } = await import('./log-websocket.ts'); // few ask for it
    return passLogToSocket(exchange, log);
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  await passOn(log, response);
  return 200;
}

async function request(
  context: ConnectContext,
  backend: ReturnType<typeof nodeBackend>,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  try {
    const headers = { host: hostPort(backend.host, backend.port), connection: 'close' };
    const begun = await beginRequest(context.dial, backend, { method: 'GET', path, headers, signal });
    begun.end();
    return (await answerTo(begun)).response;
  } catch (error) {
    const url = `https://${hostPort(backend.host, backend.port)}${path}`;
    throw new StatusError(500, '', `Get ${JSON.stringify(url)}: ${(error as Error).message}`);
  }
}

/** A log that breaks off breaks the answer off: nobody takes it for whole. */
function passOn(log: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    log.on('error', () => response.destroy());
    response.on('close', () => {
      log.destroy();
      resolve();
    });
    response.on('finish', resolve);
    log.pipe(response);
  });
}

/** What the agent said, as the Status that upstream makes of it. */
async function refusalOf(answer: IncomingMessage, podName: string): Promise<StatusError> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text = (text + chunk).slice(0, ERROR_LIMIT);
  const status = answer.statusCode!;
  if (status === 500) return StatusError.internal(text);
  if (status === 400) return StatusError.badRequest(text);
  const details = { name: podName, kind: 'pods/log', causes: [{ reason: 'UnexpectedServerResponse', message: text }] };
  if (status === 404) {
    return new StatusError(
      404,
      'NotFound',
      `the server could not find the requested resource (get pods/log ${podName})`,
      details,
    );
  }
  return new StatusError(
    status,
    'Unknown',
    `the server responded with the status code ${status} but did not return more information (get pods/log ${podName})`,
    details,
  );
}

/** Throws 400 for what is no number, 422 for what makes no sense. */
function agentQuery(query: URLSearchParams, name: string): URLSearchParams {
  const asked = new URLSearchParams();
  for (const flag of FLAGS) if (isSet(query.get(flag))) asked.set(flag, 'true');
  for (const number of NUMBERS) {
    const text = query.get(number);
    if (!text) continue;
    if (!/^-?\d+$/.test(text))
      throw StatusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    asked.set(number, text);
  }
  const sinceTime = query.get('sinceTime');
  if (sinceTime) asked.set('sinceTime', sinceTime);
  const problems = problemsOf(asked);
  // One stream alone is behind a feature gate that is off.
  if (query.get('stream')) problems.push(forbidden('stream', 'may not be specified'));
  if (problems.length > 0) throw StatusError.invalid({ group: '', kind: 'PodLogOptions' }, name, problems);
  return asked;
}

/** Any value but `false` and `0`, the empty one included. */
export const isSet = (value: string | null): boolean => value !== null && value !== 'false' && value !== '0';

/** kubernetes v1.36 pkg/apis/core/validation ValidatePodLogOptions. */
function problemsOf(asked: URLSearchParams): FieldError[] {
  const number = (name: string): number | undefined => (asked.has(name) ? Number(asked.get(name)) : undefined);
  const [tail, limit, seconds] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')];
  const problems: (FieldError | false)[] = [
    tail !== undefined && tail < 0 && invalid('tailLines', tail, 'must be greater than or equal to 0'),
    limit !== undefined && limit < 1 && invalid('limitBytes', limit, 'must be greater than 0'),
    seconds !== undefined && asked.has('sinceTime')
      ? forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified')
      : seconds !== undefined && seconds < 1 && invalid('sinceSeconds', seconds, 'must be greater than 0'),
  ];
  return problems.filter((problem) => problem !== false);
}
