// Asking a container by HTTP, as probes and lifecycle hooks do (upstream pkg/probe/http). Certificates are not checked.

import http from 'node:http';
import https from 'node:https';
import { hostPort } from '../../api/ip.ts';
import type { Container, HTTPGetAction } from '../../api/types/core.v1.ts';

/** Where an HTTPGetAction leads. */
export interface Page {
  readonly url: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface Answer {
  readonly code: number;
  /** What was said, up to 10 KiB. */
  readonly body: string;
  readonly location?: string;
}

/** A redirect that leads to the same host is followed so often. */
const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_BODY = 10 * 1024;
/** What OpenSSL says of an answer that is no TLS. */
const NO_TLS = /wrong version number|packet length too long|record layer failure|unexpected message/;

/** The server at an HTTPS action's port speaks HTTP. */
export class PlainServerError extends Error {}

/** `name` is who asks: `kube-probe` or `kube-lifecycle`. */
export function headersOf({ httpHeaders = [] }: HTTPGetAction, name: string): Record<string, string> {
  const own = Object.fromEntries(httpHeaders.map((header) => [header.name, header.value]));
  return { 'User-Agent': `${name}/1.36`, Accept: '*/*', Connection: 'close', ...own };
}

export function pageOf(action: HTTPGetAction, { container, podIP }: { container: Container; podIP: string }): Page {
  const host = action.host || podIP;
  const port = portNumber(action.port, container);
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  return { url: `${scheme}://${hostPort(host, port)}${path}`, scheme, host, port, path };
}

/**
 * What the page says, or the one that it redirects to, as long as that is on the same host. Rejects with what went wrong, in
 * upstream's words.
 */
export async function follow(page: Page, headers: Record<string, string>, timeoutMs: number): Promise<Answer> {
  const end = performance.now() + timeoutMs;
  let asked = page;
  for (let followed = 0; ; followed++) {
    const answer = await get(asked, headers, end - performance.now());
    const { code, location } = answer;
    const next = REDIRECTS.includes(code) && location ? sameHost(asked.url, location) : undefined;
    if (!next) return answer;
    if (followed === MOST_REDIRECTS) throw new Error(`Get "${next.url}": stopped after ${MOST_REDIRECTS} redirects`);
    asked = next;
  }
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

function get(
  { url, scheme, host, port, path }: Page,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path, headers, agent: false as const, rejectUnauthorized: false };
    const request = (scheme === 'https' ? https : http).get(options, (response) => {
      let body = '';
      const end = (): void => {
        resolve({ code: response.statusCode ?? 0, body, location: response.headers.location });
        response.destroy();
      };
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
        if (body.length >= MOST_BODY) end();
      });
      response.on('end', end).on('error', (error) => reject(new Error(`Get "${url}": ${networkError(error)}`)));
    });
    const timer = setTimeout(() => {
      reject(new Error(`Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`));
      request.destroy();
    }, timeoutMs);
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isPlain = scheme === 'https' && NO_TLS.test(error.message);
      if (isPlain) reject(new PlainServerError(`Get "${url}": http: server gave HTTP response to HTTPS client`));
      else reject(new Error(`Get "${url}": dial tcp ${hostPort(host, port)}: ${networkError(error)}`));
    });
    request.on('close', () => clearTimeout(timer));
  });
}

/** A port's number, or that of the container's port of this name. */
export function portNumber(port: number | string, container: Container): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!(number > 0 && number < 65_536)) throw new Error(`invalid port number: ${port}`);
  return number;
}

/** As Go words it. */
export function networkError(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connect: connection refused';
  if (error.code === 'EHOSTUNREACH') return 'connect: no route to host';
  if (error.code === 'ECONNRESET') return 'read: connection reset by peer';
  return error.message;
}
