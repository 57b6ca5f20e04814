// The requests that are answered with one document or one log.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Pod } from '../../api/types/core.v1.ts';
import { isMirrorPod } from '../pods/mirror-pods.ts';
import { readContainerLog } from '../process-runtime/log-reader.ts';
import { agentMetrics, resourceMetrics } from '../stats/resource-metrics.ts';
import { summaryOf } from '../stats/summary.ts';
import { containerSpec, loggedContainer, runningContainer } from './containers.ts';
import { LogLines } from './log-lines.ts';
import { type LogQuery, LogQueryError, readLogQuery } from './log-query.ts';
import type { StreamContext } from './stream-context.ts';
import { StreamError } from './stream-error.ts';

/** Throws StreamError. Resolves when the answer is complete, or its reader gone. */
export async function serveDocument(
  request: IncomingMessage,
  response: ServerResponse,
  context: StreamContext,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://node');
  const [place, ...words] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (request.method !== 'GET' && request.method !== 'HEAD') throw new StreamError(405, '405: Method Not Allowed');
  switch (place) {
    case 'healthz':
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
      return;
    case 'pods':
      return list(response, context.pods.list());
    case 'runningpods':
      return list(response, runningPods(context));
    case 'stats':
    case 'metrics':
      return serveUsage(response, pathname, context);
    case 'containerLogs':
      return serveLog(response, { words, query: searchParams }, context);
    case 'exec':
    case 'attach':
    case 'portForward':
      throw new StreamError(400, 'Upgrade request required');
    default:
      throw new StreamError(404, '404 page not found\n');
  }
}

function list(response: ServerResponse, pods: readonly Pod[]): void {
  const items = pods.map(({ kind: _kind, apiVersion: _apiVersion, ...pod }) => pod);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items }));
}

/** Only what runs, and of it only what the runtime knows. */
function runningPods({ pods, runtime }: StreamContext): Pod[] {
  return pods.list().flatMap(({ metadata: { name, namespace, uid }, spec }) => {
    const containers = (spec?.containers ?? [])
      .filter((one) => runningContainer(runtime, { metadata: { name, namespace, uid } }, one.name))
      .map(({ name: container, image }) => ({ name: container, image, resources: {} }));
    return containers.length > 0 ? [{ metadata: { name, namespace, uid }, spec: { containers } }] : [];
  });
}

function serveUsage(response: ServerResponse, path: string, context: StreamContext): void {
  const usages = context.usageHistory.now();
  const summary = summaryOf({ ...context, usages });
  const answer = (contentType: string, text: string): void =>
    void response.writeHead(200, { 'content-type': contentType }).end(text);
  const metrics = 'text/plain; version=0.0.4; charset=utf-8';
  if (path === '/stats/summary') answer('application/json', JSON.stringify(summary));
  else if (path === '/metrics/resource') answer(metrics, resourceMetrics(summary, usages.at));
  else if (path === '/metrics') answer(metrics, agentMetrics(summary));
  else throw new StreamError(404, '404 page not found\n');
}

async function serveLog(
  response: ServerResponse,
  { words, query }: { words: readonly string[]; query: URLSearchParams },
  context: StreamContext,
): Promise<void> {
  const [namespace, podName, container] = words;
  const asked = logQuery(query, context.clock.now());
  const pod = context.pods.find(namespace, podName);
  if (!pod) throw new StreamError(404, `pod ${JSON.stringify(podName)} does not exist`);
  if (!container || !containerSpec(pod, container)) {
    throw new StreamError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}`);
  }
  const open = logOf(context, pod, container, asked);
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const log = open(gone.signal);
  const lines = new LogLines(asked);
  lines.once('full', () => gone.abort());
  for await (const text of log.pipe(lines)) {
    if (response.destroyed) break;
    if (!response.write(text)) await writable(response);
  }
  log.destroy();
  response.end();
}

/** How to open the log. Throws StreamError that says why there is none. */
function logOf(
  { runtime, mirrorLogs }: StreamContext,
  pod: Pod,
  container: string,
  { follow, tailLines, previous }: LogQuery,
): (signal: AbortSignal) => Readable {
  const file = isMirrorPod(pod) ? mirrorLogs?.get(container) : undefined;
  if (file !== undefined && !previous) {
    // It ends with the agent itself.
    const source = { ended: new Promise<void>(() => {}), isRunning: () => true };
    return (signal) => readContainerLog(file, { follow, tailLines, signal, ...source });
  }
  const { id } = loggedOrRefused(() => loggedContainer(runtime, pod, container, previous));
  return (signal) => runtime.logs(id, { follow, tailLines, signal });
}

/** A slow reader is waited for, one that is gone is not. */
function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function logQuery(query: URLSearchParams, now: number): LogQuery {
  try {
    return readLogQuery(query, now);
  } catch (error) {
    if (error instanceof LogQueryError) throw new StreamError(error.status, error.message);
    throw error;
  }
}

function loggedOrRefused<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw new StreamError(400, (error as Error).message);
  }
}
