// Passing on a request that upgrades its connection: the same request to the backend, its answer to the client, and then bytes both ways
// (k8s.io/apimachinery v0.36 pkg/util/proxy/upgradeaware.go).

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { hostPort } from '../../api/ip.ts';
import { StatusError } from '../../api/status.ts';
import type { Exchange } from '../http/pipeline.ts';
import { answerTo, type Backend, type BackendAnswer, beginRequest } from './backend.ts';
import type { ConnectContext } from './connector.ts';
import { joined } from './tunnel.ts';

export interface Destination {
  readonly backend: Backend;
  /** Path and query. */
  readonly path: string;
}

/** Throws 400 for a request that is no upgrade, 500 when the backend cannot be reached. */
export async function passUpgrade(
  exchange: Exchange,
  destination: Destination,
  context: ConnectContext,
): Promise<number> {
  const { upgrade, response } = exchange;
  if (!upgrade) throw StatusError.badRequest('Upgrade request required');
  const { socket: client } = upgrade;
  const answer = await ask(exchange, destination, context);
  if (!answer.socket) {
    // It refused; the client learns why in the backend's own words.
    response.writeHead(answer.response.statusCode!, answer.response.headers);
    await new Promise((resolve) => {
      response.once('close', resolve);
      answer.response.on('error', () => response.destroy()).pipe(response);
    });
    return answer.response.statusCode!;
  }
  const { socket: backend } = answer;
  response.detachSocket(client as never);
  client.write(switchingHead(answer.response));
  if (answer.head.length > 0) backend.unshift(answer.head);
  await joined(client, backend, context.signal);
  return 101;
}

async function ask(
  exchange: Exchange,
  { backend, path }: Destination,
  context: ConnectContext,
): Promise<BackendAnswer> {
  const { info, upgrade } = exchange;
  const client = upgrade!.socket;
  const left = new AbortController();
  const leave = (): void => left.abort(new Error('the client is gone'));
  client.once('close', leave);
  try {
    const headers = passedHeaders(exchange, backend);
    const signal = AbortSignal.any([context.signal, left.signal]);
    const request = await beginRequest(context.dial, backend, { method: info.method, path, headers, signal });
    request.end();
    return await answerTo(request);
  } catch (error) {
    throw new StatusError(500, '', `error dialing backend: ${(error as Error).message}`);
  } finally {
    client.off('close', leave);
  }
}

/** Credentials are this server's; whose they were is not the backend's concern. */
const OURS = /^(authorization|host|impersonate-.*|x-forwarded-.*)$/;

export function passedHeaders({ headers, client }: Exchange, { host, port }: Backend): OutgoingHttpHeaders {
  const passed = Object.entries(headers).filter(([name]) => !OURS.test(name) && !name.startsWith(':'));
  const forwarded = [headers['x-forwarded-for'], client].filter(Boolean).join(', ');
  return {
    ...Object.fromEntries(passed),
    host: hostPort(host, port),
    ...(forwarded && { 'x-forwarded-for': forwarded }),
  };
}

function switchingHead({ statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = Array.from(
    { length: rawHeaders.length / 2 },
    (_, i) => `${rawHeaders[2 * i]}: ${rawHeaders[2 * i + 1]}\r\n`,
  );
  return `HTTP/1.1 101 ${statusMessage}\r\n${lines.join('')}\r\n`;
}
