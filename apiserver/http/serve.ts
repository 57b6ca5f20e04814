// From an exchange that may be served to its answer on the wire: resources to the registry, everything else to documents.
import { setMaxListeners } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { invalid } from '../../api/field.ts';
import type { Kind } from '../../api/kind.ts';
import { StatusError } from '../../api/status.ts';
import type { IncludeObject } from '../../api/table.ts';
import { aborted } from '../../host/lifecycle.ts';
import type { Logger } from '../../host/log.ts';
import type { NodeIdentity } from '../connect/backend.ts';
import { connectorFor } from '../connect/connect.ts';
import type { Dial } from '../connect/egress.ts';
import { isMetrics, readMetrics } from '../connect/metrics.ts';
import type { Metrics } from '../metrics.ts';
import type { Call, Registry, WatchAnswer } from '../registry/registry.ts';
import { handlerFor, pathNotFound } from '../registry/verbs.ts';
import type { Documents } from './documents.ts';
import type { InFlight } from './in-flight.ts';
import { JSON_OBJECT, negotiate, type Representation, representationFor } from './negotiation.ts';
import { type Exchange, type Guards, PIPELINE } from './pipeline.ts';
import { type Rendered, render, write } from './render.ts';
import { type WatchLines, WatchResponse } from './watch-response.ts';

export interface Services {
  readonly registry: Registry;
  readonly documents: Documents;
  readonly guards: Guards;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The way to nodes and pods, and who this server is to a node's agent. */
  readonly dial: Dial;
  readonly identity: NodeIdentity;
  readonly inFlight: InFlight;
  /** Aborts when the server closes: watches end. */
  readonly signal: AbortSignal;
  /** Requests that are being served now. */
  readonly open: Set<Promise<void>>;
}

/** ms between bookmarks of a quiet watch (upstream: about a minute). */
const BOOKMARK_MS = 60_000;

/** Serves one exchange to its end; never rejects. */
export function serve(exchange: Exchange, services: Services): Promise<void> {
  const served: Promise<void> = serveOne(exchange, services).then(() => void services.open.delete(served));
  services.open.add(served);
  return served;
}

async function serveOne(exchange: Exchange, services: Services): Promise<void> {
  const started = process.hrtime.bigint();
  const code = await answerOrRefuse(exchange, services);
  services.metrics.observe(exchange.info, code, Number(process.hrtime.bigint() - started) / 1e9);
}

async function answerOrRefuse(exchange: Exchange, services: Services): Promise<number> {
  try {
    for (const row of PIPELINE) row(exchange, services.guards);
    if (!exchange.info.isResource) return await serveDocument(exchange, services);
    return await serveResource(exchange, services);
  } catch (error) {
    return refuse(exchange, error, services.log);
  }
}

async function serveDocument(exchange: Exchange, { documents }: Services): Promise<number> {
  const { info, headers } = exchange;
  const document = await documents.read({ info, headers, pretty: isPretty(exchange) });
  send(exchange, document);
  return document.status;
}

async function serveResource(exchange: Exchange, services: Services): Promise<number> {
  const { info, headers } = exchange;
  const { registry } = services;
  const kind = registry.catalogue.byResource(info.group, info.version, info.resource);
  if (!kind) return serveUnknown(exchange, services);
  const connector = connectorFor(exchange, kind);
  if (connector) return connector(exchange, kind, services);
  const call = callOf(exchange, kind);
  if (kind.rules.deprecated) call.warn(kind.rules.deprecated);
  const handler = handlerFor(call);
  const read = isMetrics(call) ? () => readMetrics(call, services) : () => handler(registry, call);
  const streams = info.verb === 'list' || info.verb === 'watch';
  const representation = representationFor(headers.accept, { streams, tables: hasTables(call) });
  const answer = await services.inFlight.serve(info.verb, read);
  if (answer.type === 'watch') return serveWatch(exchange, services, call, representation, answer.watch);
  const includeObject = representation.shape === 'Table' ? includeObjectOf(info.query) : 'Metadata';
  const rendered = await render(kind, answer, {
    representation,
    pretty: isPretty(exchange),
    includeObject,
    now: registry.clock.now(),
  });
  send(exchange, rendered);
  return rendered.status;
}

/** A group the server does not have is no path of it; a resource it does not have in a group it has is a Status. */
async function serveUnknown(exchange: Exchange, { registry, documents }: Services): Promise<number> {
  const { group, version } = exchange.info;
  const isKnown = registry.catalogue.kinds().some((kind) => kind.group === group && kind.version === version);
  if (isKnown) throw pathNotFound();
  const document = documents.notFound();
  send(exchange, document);
  return document.status;
}

function callOf({ info, headers, body, user, warnings }: Exchange, kind: Kind): Call {
  return {
    kind,
    verb: info.verb,
    // A namespace's own path names it twice: as the namespace it is in, and as the object it is.
    namespace: kind.namespaced ? info.namespace : '',
    name: info.name,
    subresource: info.subresource,
    query: info.query,
    headers,
    body,
    user,
    warn: (message) => {
      if (!warnings.includes(message)) warnings.push(message);
    },
  };
}

/** What is only ever created, and most subresources, upstream shows as they are or not at all. */
function hasTables({ kind, subresource }: Call): boolean {
  return subresource === '' ? kind.verbs.has('get') : subresource === 'status' || subresource === 'scale';
}

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject') || 'Metadata';
  if (asked === 'None' || asked === 'Object' || asked === 'Metadata') return asked;
  const problem = invalid('includeObject', asked, "must be 'Metadata', 'Object', 'None', or empty");
  throw StatusError.badRequest(`Unable to convert to Table as requested: ${problem}`);
}

/** Indented for people: on request, and for the programs people use by hand. */
function isPretty({ info, headers }: Exchange): boolean {
  const asked = info.query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '');
}

async function serveWatch(
  exchange: Exchange,
  { registry, metrics, signal }: Services,
  call: Call,
  representation: Representation,
  watch: WatchAnswer,
): Promise<number> {
  const { info } = exchange;
  const includeObject = includeObjectOf(info.query);
  const lines = await beginWatch(exchange);
  if (!lines) return 400;
  const ended = new AbortController();
  const sink = new WatchResponse({
    kind: call.kind,
    representation,
    includeObject,
    lines,
    now: registry.clock.now,
    tooSlow: () => {
      ended.abort();
      lines.destroy();
    },
  });
  const end = (): void => ended.abort();
  lines.on('close', end);
  setMaxListeners(0, signal); // every watch listens to the one signal
  signal.addEventListener('abort', end, { once: true });
  const timeout = setTimeout(end, watch.timeoutMs);
  const bookmarks = info.query.get('allowWatchBookmarks') ?? 'false';
  const wantsBookmarks = bookmarks !== 'false' && bookmarks !== '0';
  let ticking: NodeJS.Timeout | undefined;
  const done = metrics.watchStarted();
  try {
    const stop = await watch.start(sink);
    // Not before: what the store has reached by now has been told, and a bookmark must say no more than that.
    if (wantsBookmarks) ticking = setInterval(() => sink.bookmark(registry.store.revision), BOOKMARK_MS);
    if (!signal.aborted) await aborted(ended.signal);
    stop();
    if (wantsBookmarks) sink.bookmark(registry.store.revision);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    sink.error(error.status);
  } finally {
    clearTimeout(timeout);
    clearInterval(ticking);
    signal.removeEventListener('abort', end);
    done();
    sink.end();
  }
  return 200;
}

/** Undefined when the client asked for a WebSocket in a way that is none, and was told so. */
async function beginWatch(exchange: Exchange): Promise<WatchLines | undefined> {
  const { response } = exchange;
  if (exchange.wantsWebSocket) {
    const { acceptWatchSocket } = await import('./watch-websocket.ts'); // few ask for it
    return acceptWatchSocket(exchange);
  }
  response.writeHead(200, { 'content-type': 'application/json', ...warningHeaders(exchange) });
  response.flushHeaders();
  return response;
}

function send(exchange: Exchange, rendered: Rendered, retryAfterSeconds?: number): void {
  const { info, reply } = exchange;
  const { status, contentType, body } = rendered;
  const headers: OutgoingHttpHeaders = {
    'content-type': contentType,
    'content-length': body.length,
    'cache-control': 'no-cache, private',
  };
  if (rendered.headers) Object.assign(headers, rendered.headers);
  if (exchange.warnings.length > 0) Object.assign(headers, warningHeaders(exchange));
  if (retryAfterSeconds) headers['retry-after'] = String(retryAfterSeconds);
  reply.send(status, headers, info.method === 'HEAD' || status === 304 ? undefined : body);
}

function warningHeaders({ warnings }: Pick<Exchange, 'warnings'>): Record<string, string[]> {
  if (warnings.length === 0) return {};
  return { warning: warnings.map((text) => `299 - ${headerText(JSON.stringify(text))}`) };
}

/** A header's characters are bytes: what a user named is sent in UTF-8, and DEL, which no header may have, is left out. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll('\x7f', '')).toString('latin1');
}

/** Tells the client why not; what nobody foresaw is logged and told as an internal error. */
async function refuse(exchange: Exchange, error: unknown, log: Logger): Promise<number> {
  const { info, headers, reply } = exchange;
  let refusal = error;
  if (!(refusal instanceof StatusError)) {
    log.error({ err: error, method: info.method, path: info.path }, 'request failed');
    refusal = StatusError.internal((error as Error).message);
  }
  const { status } = refusal as StatusError;
  if (reply.hasBegun) {
    reply.destroy();
    return status.code!;
  }
  const representation = { ...(negotiate(headers.accept) ?? JSON_OBJECT), shape: 'object' as const };
  const rendered = await write(status.code!, status, { representation, pretty: isPretty(exchange) });
  send(exchange, rendered, status.details?.retryAfterSeconds);
  return rendered.status;
}
