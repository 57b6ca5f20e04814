// Cluster DNS with 10,000 services: queries a second beside what a bare Node can echo, its start, and how soon a new Service resolves.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runJob } from './child.ts';
import type { DnsLoadJob, DnsLoadResult } from './dns-load.ts';
import type { FillJob } from './fill.ts';
import { end, residentMemory, type Server, startServer, VITRINE } from './server.ts';
import { type Bench, type Context, ms, percentile, type Row, rate, spread } from './table.ts';
import { connect } from './wire.ts';

const SERVICES = 10_000;
const OUTSTANDING = 32;
const STARTS = 10;
const CREATED = 100;
const PATTERN = 'fill-%.default.svc.cluster.local';
/** ms between two questions for a name that is not there yet. */
const ASK_EVERY = 1;

interface Dns {
  readonly child: ChildProcess;
  readonly port: number;
  /** ms from starting the process until it answers. */
  readonly startMs: number;
}

async function startDns(kubeconfig: string): Promise<Dns> {
  const began = performance.now();
  const argv = [VITRINE, 'dns', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /^answering at 127\.0\.0\.1:(\d+)$/.exec(line) ?? [];
    if (port) return { child, port: Number(port), startMs: performance.now() - began };
  }
  throw new Error('the DNS server ended before it answered');
}

async function starts(kubeconfig: string): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < STARTS; run += 1) {
    const dns = await startDns(kubeconfig);
    samples.push(dns.startMs);
    await end(dns.child);
  }
  return samples;
}

function startRow(what: string, samples: readonly number[], target?: number): Row {
  const median = percentile(samples, 0.5);
  const measured = `p50 ${ms(median)} · max ${ms(Math.max(...samples))}`;
  const judged = target !== undefined && { target: `≤ ${target} ms`, met: median <= target };
  return { what: `DNS: start → answers, ${what}`, measured, ...judged };
}

function load(port: number, seconds: number, wantsAddress: boolean, signal: AbortSignal): Promise<DnsLoadResult> {
  const job = { host: '127.0.0.1', port, pattern: PATTERN, count: SERVICES, outstanding: OUTSTANDING, seconds };
  return runJob<DnsLoadJob, DnsLoadResult>('dns-load', { ...job, wantsAddress }, signal);
}

async function echoLoad({ seconds, signal }: Context): Promise<DnsLoadResult> {
  const path = new URL('./udp-echo.js', import.meta.url).pathname;
  const echo = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(echo.stdout!, 'data')) as [Buffer];
    return await load(Number(port), seconds, false, signal);
  } finally {
    await end(echo);
  }
}

function loadRows(found: DnsLoadResult, limit: DnsLoadResult): Row[] {
  const told = ({ perSecond, p50, p99, lost, wrong }: DnsLoadResult): string =>
    `${rate(perSecond)} · p50 ${ms(p50)} · p99 ${ms(p99)}${lost ? ` · ${lost} LOST` : ''}${wrong ? ` · ${wrong} WRONG` : ''}`;
  const share = Math.round((100 * found.perSecond) / limit.perSecond);
  return [
    { what: `UDP echo, bare Node, ${OUTSTANDING} outstanding: the limit`, measured: told(limit) },
    {
      what: `DNS: A queries, ${OUTSTANDING} outstanding, ${SERVICES.toLocaleString('en')} services`,
      measured: `${told(found)} (${share} % of the limit)`,
      target: '≥ 18,000/s, p99 ≤ 6 ms',
      met: found.perSecond >= 18_000 && found.p99 <= 6 && found.wrong === 0,
    },
  ];
}

/** Asks every ms until the name has an address; its time, performance.now(). */
function resolves(port: number, name: string): Promise<number> {
  const labels = name.split('.').map((label) => `${String.fromCharCode(label.length)}${label}`);
  const packet = Buffer.from(`\0\0\x01\0\0\x01\0\0\0\0\0\0${labels.join('')}\0\0\x01\0\x01`, 'latin1');
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.on('message', (reply) => {
      if ((reply[3] & 15) !== 0) return;
      clearInterval(asking);
      socket.close();
      resolve(performance.now());
    });
    const asking = setInterval(() => socket.send(packet, port, '127.0.0.1'), ASK_EVERY);
  });
}

/** ms from the answer to the write until the name resolves. */
async function createdToResolved({ target }: Server, port: number): Promise<number[]> {
  const wire = await connect('http/1.1', target);
  const samples: number[] = [];
  for (let i = 0; i < CREATED; i += 1) {
    const name = `new-${i}`;
    const spec = { ports: [{ port: 80 }] };
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    const resolved = resolves(port, `${name}.default.svc.cluster.local`);
    const path = '/api/v1/namespaces/default/services';
    await wire.send({ method: 'POST', path, contentType: 'application/json', body });
    const created = performance.now();
    samples.push(Math.max(0, (await resolved) - created));
  }
  wire.close();
  return samples;
}

export const dns: Bench = {
  name: 'dns',
  async run(context) {
    const { scratch, seconds, signal } = context;
    const server = await startServer(join(scratch, 'apiserver'));
    const { kubeconfig } = server;
    try {
      const rows = [startRow('empty cluster', await starts(kubeconfig), 300)];
      await runJob<FillJob, null>('fill', { target: server.target, kinds: ['services'], count: SERVICES }, signal);
      rows.push(startRow(`${SERVICES.toLocaleString('en')} services`, await starts(kubeconfig)));
      const { child, port } = await startDns(kubeconfig);
      try {
        rows.push(...loadRows(await load(port, seconds, true, signal), await echoLoad(context)));
        const latencies = await createdToResolved(server, port);
        const met = percentile(latencies, 0.99) <= 20;
        rows.push({ what: 'Service created → resolves', measured: spread(latencies), target: 'p99 ≤ 20 ms', met });
        const used = Math.round((await residentMemory(child.pid!)) / 2 ** 20);
        rows.push({ what: 'memory of DNS then', measured: `${used} MiB` });
      } finally {
        await end(child);
      }
      return rows;
    } finally {
      await server.stop();
    }
  },
};
