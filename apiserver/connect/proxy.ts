// The proxy subresource of pods, Services and nodes: any HTTP request, passed on (kubernetes v1.36 pkg/registry/core/pod/strategy.go
// ResourceLocation, service/storage/storage.go, node/strategy.go; k8s.io/apimachinery pkg/util/proxy).
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { hostPort } from '../../api/ip.ts';
import { StatusError } from '../../api/status.ts';
import type { Endpoints, Pod, Service } from '../../api/types/core.v1.ts';
import type { Exchange } from '../http/pipeline.ts';
import { answerTo, type Backend, beginRequest } from './backend.ts';
import { type ConnectContext, type Connector, storedObject } from './connector.ts';
import { outerURL, pageRewriters } from './html-links.ts';
import { nodeBackend } from './node-backend.ts';
import { passedHeaders, passUpgrade } from './upgrade.ts';

export const servePodProxy: Connector = (exchange, _kind, context) => {
  const { scheme, name, port } = splitName(exchange.info.name, 'pod');
  const pod = storedObject<Pod>(context.registry, 'Pod', exchange.info.namespace, name);
  const declared = pod.spec?.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort;
  const host = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '';
  if (!isAllowed(host)) throw StatusError.badRequest('address not allowed');
  return pass(exchange, backendAt(scheme, host, port || declared), context);
};

export const serveServiceProxy: Connector = (exchange, _kind, context) => {
  const { scheme, name, port } = splitName(exchange.info.name, 'service');
  const { namespace } = exchange.info;
  const service = storedObject<Service>(context.registry, 'Service', namespace, name);
  const portName = servicePortName(service, port);
  const { host, port: target } = chosenEndpoint(context, { namespace, name, asked: exchange.info.name }, portName);
  return pass(exchange, backendAt(scheme, host, target), context);
};

export const serveNodeProxy: Connector = (exchange, _kind, context) => {
  const { scheme, name, port } = splitName(exchange.info.name, 'node');
  const agent = nodeBackend(context, name);
  if (isIP(agent.host) && !isAllowed(agent.host)) throw StatusError.badRequest('address not allowed');
  const isAgent = port === '' || Number(port) === agent.port;
  return pass(exchange, isAgent ? agent : backendAt(scheme, agent.host, port), context);
};

/** `[SCHEME:]NAME[:PORT]`. Throws 400. */
function splitName(id: string, what: string): { scheme: string; name: string; port: string } {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  const isValid = parts.length <= 3 && name !== '' && ['', 'http', 'https'].includes(scheme);
  if (!isValid) throw StatusError.badRequest(`invalid ${what} request ${JSON.stringify(id)}`);
  return { scheme, name, port };
}

function backendAt(scheme: string, host: string, port: string | number | undefined): Backend {
  const number = Number(port || (scheme === 'https' ? 443 : 80));
  if (!(number > 0 && number <= 0xffff)) throw StatusError.badRequest(`invalid port ${JSON.stringify(port)}`);
  return { host, port: number, ...(scheme === 'https' && { tls: 'anyone' as const }) };
}

/** Pods and nodes can write what they like into their status: loopback, link-local and no address at all are none of theirs. */
function isAllowed(address: string): boolean {
  return /^[\d.]+$|:/.test(address) && !/^(127\.|169\.254\.|0\.|22[4-9]\.|23\d\.|::1$|fe80:|ff)/i.test(address);
}

/** A Service's port by its number, or by its name as it is. Throws 503. */
function servicePortName({ metadata, spec }: Service, port: string): string {
  if (!/^\d+$/.test(port)) return port;
  const found = spec?.ports?.find((one) => one.port === Number(port));
  if (found) return found.name ?? '';
  throw unavailable(`no service port ${port} found for service ${JSON.stringify(metadata.name)}`);
}

interface AskedService {
  readonly namespace: string;
  readonly name: string;
  readonly asked: string;
}

/** Any ready endpoint of the port. Throws 503; and 404 about the Service when nobody has written down endpoints, as upstream does. */
function chosenEndpoint(
  { registry }: ConnectContext,
  { namespace, name, asked }: AskedService,
  portName: string,
): { host: string; port: number } {
  const { subsets } = endpointsOf(registry, namespace, name);
  if (!subsets?.length) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  const choice = subsets.flatMap(({ addresses, ports }) => {
    const port = ports?.find((one) => (one.name ?? '') === portName)?.port;
    return port ? (addresses ?? []).map(({ ip }) => ({ host: ip, port })) : [];
  });
  if (choice.length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(asked)}`);
  return choice[Math.floor(Math.random() * choice.length)];
}

function endpointsOf(registry: ConnectContext['registry'], namespace: string, name: string): Endpoints {
  try {
    return storedObject<Endpoints>(registry, 'Endpoints', namespace, name);
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 404) throw error;
    throw StatusError.notFound({ group: '', plural: 'services' }, name);
  }
}

const unavailable = (message: string): StatusError => new StatusError(503, 'ServiceUnavailable', message);

/** Headers that belong to one connection (RFC 9110, 7.6.1). */
const HOP = /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;

async function pass(exchange: Exchange, backend: Backend, context: ConnectContext): Promise<number> {
  const { info, response, body, url } = exchange;
  const place = /^[^?]*?\/proxy(?=[/?]|$)/.exec(url)![0];
  const rest = url.slice(place.length);
  if ((rest === '' || rest.startsWith('?')) && (info.method === 'GET' || info.method === 'HEAD')) {
    // Relative links of the page must lead back here.
    response.writeHead(301, { location: `${place}/${rest}` }).end();
    return 301;
  }
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  if (exchange.upgrade) return passUpgrade(exchange, { backend, path }, context);
  const left = new AbortController();
  response.on('close', () => left.abort(new Error('the client is gone')));
  const answer = await ask(exchange, backend, path, AbortSignal.any([context.signal, left.signal]), context, body);
  const where = { place, hosts: [hostPort(backend.host, backend.port), backend.host] };
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !HOP.test(name)));
  if (headers.location) headers.location = outerURL(headers.location as string, where);
  const rewriters = info.method === 'HEAD' ? undefined : pageRewriters(answer.headers, where);
  if (rewriters) delete headers['content-length'];
  response.writeHead(answer.statusCode!, headers);
  // An answer that breaks off breaks off for the client, too; either end is the end of both.
  await pipeline([answer, ...(rewriters ?? []), response]).catch(() => response.destroy());
  return answer.statusCode!;
}

async function ask(
  exchange: Exchange,
  backend: Backend,
  path: string,
  signal: AbortSignal,
  { dial }: ConnectContext,
  body: Buffer,
): Promise<IncomingMessage> {
  try {
    const passed = Object.entries(passedHeaders(exchange, backend)).filter(([name]) => !HOP.test(name));
    const headers = {
      ...Object.fromEntries(passed),
      connection: 'close',
      ...(body.length > 0 && { 'content-length': body.length }),
    };
    const request = await beginRequest(dial, backend, { method: exchange.info.method, path, headers, signal });
    request.end(body);
    return (await answerTo(request)).response;
  } catch (error) {
    throw unavailable(`error trying to reach service: ${(error as Error).message}`);
  }
}
