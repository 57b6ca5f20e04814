// One look at a container by tcp, http, grpc or a command (upstream pkg/probe). The agent stands in the node's network namespace, from
// which pods are reached directly.

import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { hostPort } from '../../api/ip.ts';
import type { Container, ExecAction, GRPCAction, HTTPGetAction, TCPSocketAction } from '../../api/types/core.v1.ts';
import type { Runtime } from '../runtime.ts';
import { checkGRPC } from './grpc.ts';

/** What probes and lifecycle hooks have in common. */
export interface Action {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
  readonly grpc?: GRPCAction;
}

export interface Target {
  readonly container: Container;
  readonly containerID: string;
  readonly podIP: string;
  readonly runtime: Runtime;
}

export interface CheckResult {
  readonly success: boolean;
  /** What the event says when it failed. */
  readonly output: string;
}

/** Never rejects: whatever goes wrong is a failed check. */
export async function check(action: Action, target: Target, timeoutMs: number): Promise<CheckResult> {
  try {
    if (action.exec) return await checkCommand(action.exec, target, timeoutMs);
    if (action.httpGet) return await checkHTTP(action.httpGet, target, timeoutMs);
    if (action.tcpSocket) return await checkTCP(action.tcpSocket, target, timeoutMs);
    if (action.grpc) return await checkHealthService(action.grpc, target, timeoutMs);
    return { success: false, output: 'missing probe handler' };
  } catch (error) {
    return { success: false, output: (error as Error).message };
  }
}

async function checkCommand({ command = [] }: ExecAction, target: Target, timeoutMs: number): Promise<CheckResult> {
  const { exitCode, output } = await target.runtime.exec(target.containerID, command, { timeoutMs });
  if (exitCode === 124) {
    return {
      success: false,
      output: `command timed out: ${JSON.stringify(command)} timed out after ${seconds(timeoutMs)}`,
    };
  }
  return { success: exitCode === 0, output };
}

async function checkHealthService(
  { port, service = '' }: GRPCAction,
  target: Target,
  timeoutMs: number,
): Promise<CheckResult> {
  const problem = await checkGRPC({ host: target.podIP, port, service: service ?? '' }, timeoutMs);
  return { success: problem === undefined, output: problem ?? '' };
}

function checkTCP({ host, port }: TCPSocketAction, target: Target, timeoutMs: number): Promise<CheckResult> {
  const address = { host: host || target.podIP, port: portNumber(port, target.container) };
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: timeoutMs });
    const end = (result: CheckResult): void => {
      socket.destroy();
      resolve(result);
    };
    const dial = `dial tcp ${address.host}:${address.port}`;
    socket.on('connect', () => end({ success: true, output: '' }));
    socket.on('timeout', () => end({ success: false, output: `${dial}: i/o timeout` }));
    socket.on('error', (error) => end({ success: false, output: `${dial}: ${networkError(error)}` }));
  });
}

/** A redirect that leads to the same host is followed so often. */
const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Success is 200–399. A redirect to another host is one: what is there says nothing of this container. Certificates are not checked
 * (upstream pkg/probe/http/http.go).
 */
async function checkHTTP(action: HTTPGetAction, target: Target, timeoutMs: number): Promise<CheckResult> {
  const host = action.host || target.podIP;
  const port = portNumber(action.port, target.container);
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const place = `${scheme}://${hostPort(host, port)}`;
  const headers = { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', Connection: 'close', ...headersOf(action) };
  const end = performance.now() + timeoutMs;
  let asked: Page = { url: `${place}${path}`, scheme, host, port, path };
  for (let followed = 0; ; followed++) {
    const { code, location } = await get(asked, headers, end - performance.now());
    const next = REDIRECTS.includes(code) && location ? sameHost(asked.url, location) : undefined;
    if (!next) return { success: code >= 200 && code < 400, output: `HTTP probe failed with statuscode: ${code}` };
    if (followed === MOST_REDIRECTS) throw new Error(`Get "${next.url}": stopped after ${MOST_REDIRECTS} redirects`);
    asked = next;
  }
}

interface Page {
  readonly url: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Where a redirect leads; undefined: to another host, or nowhere. */
function sameHost(from: string, location: string): Page | undefined {
  if (!URL.canParse(location, from)) return undefined;
  const { href: url, protocol, hostname, port, pathname, search } = new URL(location, from);
  const scheme = protocol.slice(0, -1);
  if (hostname !== new URL(from).hostname || (scheme !== 'http' && scheme !== 'https')) return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { url, scheme, host, port: Number(port || (scheme === 'https' ? 443 : 80)), path: `${pathname}${search}` };
}

/** Rejects with what went wrong, in upstream's words. */
function get(
  { url, scheme, host, port, path }: Page,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<{ code: number; location?: string }> {
  return new Promise((resolve, reject) => {
    const failed = (why: string): void => reject(new Error(`Get "${url}": ${why}`));
    const options = { host, port, path, headers, agent: false as const, rejectUnauthorized: false };
    const request = (scheme === 'https' ? https : http).get(options, (response) => {
      resolve({ code: response.statusCode ?? 0, location: response.headers.location });
      response.on('error', () => {}); // judged already
      response.destroy();
    });
    const timer = setTimeout(() => {
      failed('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
      request.destroy();
    }, timeoutMs);
    request.on('error', (error) => failed(`dial tcp ${host}:${port}: ${networkError(error)}`));
    request.on('close', () => clearTimeout(timer));
  });
}

function headersOf({ httpHeaders = [] }: HTTPGetAction): Record<string, string> {
  return Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
}

/** A port's number, or that of the container's port of this name. */
export function portNumber(port: number | string, container: Container): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!(number > 0 && number < 65_536)) throw new Error(`invalid port number: ${port}`);
  return number;
}

/** As Go words it. */
function networkError(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connect: connection refused';
  if (error.code === 'EHOSTUNREACH') return 'connect: no route to host';
  if (error.code === 'ECONNRESET') return 'read: connection reset by peer';
  return error.message;
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
