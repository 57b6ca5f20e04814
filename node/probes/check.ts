// One look at a container by tcp, http, grpc or a command (upstream pkg/probe). The agent stands in the node's network namespace, from
// which pods are reached directly.
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
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

/** Success is 200–399; redirects are not followed. Certificates are not checked, as upstream. */
function checkHTTP(action: HTTPGetAction, target: Target, timeoutMs: number): Promise<CheckResult> {
  const secure = action.scheme === 'HTTPS';
  const host = action.host || target.podIP;
  const port = portNumber(action.port, target.container);
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`;
  const headers = { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', Connection: 'close', ...headersOf(action) };
  return new Promise((resolve) => {
    const failed = (why: string): void => resolve({ success: false, output: `Get "${url}": ${why}` });
    const options = { host, port, path, headers, agent: false as const, rejectUnauthorized: false };
    const request = (secure ? https : http).get(options, (response) => {
      const code = response.statusCode ?? 0;
      resolve({ success: code >= 200 && code < 400, output: `HTTP probe failed with statuscode: ${code}` });
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
