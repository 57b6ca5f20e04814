// One look at a container by tcp, http, grpc or a command (upstream pkg/probe). The agent stands in the node's network namespace, from
// which pods are reached directly.
import { connect } from 'node:net';
import { hostPort } from '../../api/ip.ts';
import type { Container, ExecAction, GRPCAction, HTTPGetAction, TCPSocketAction } from '../../api/types/core.v1.ts';
import type { Runtime } from '../runtime.ts';
import { checkGRPC } from './grpc.ts';
import { follow, headersOf, networkError, pageOf, portNumber } from './http.ts';

/** What a probe looks by. */
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
  /** It has succeeded in a way that an event should tell of. */
  readonly isWarning?: true;
  /** What the event says of it. */
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
    const dial = `dial tcp ${hostPort(address.host, address.port)}`;
    socket.on('connect', () => end({ success: true, output: '' }));
    socket.on('timeout', () => end({ success: false, output: `${dial}: i/o timeout` }));
    socket.on('error', (error) => end({ success: false, output: `${dial}: ${networkError(error)}` }));
  });
}

/** Success is 200–399; a redirect that leads to another host says nothing of this container, which is worth a warning. */
async function checkHTTP(action: HTTPGetAction, target: Target, timeoutMs: number): Promise<CheckResult> {
  const { code, body } = await follow(pageOf(action, target), headersOf(action, 'kube-probe'), timeoutMs);
  if (code < 200 || code >= 400) return { success: false, output: `HTTP probe failed with statuscode: ${code}` };
  if (code < 300) return { success: true, output: body };
  return { success: true, isWarning: true, output: `Probe terminated redirects, Response body: ${body}` };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
