// Cluster DNS with 10,000 services: queries a second beside what a bare Node can echo and what CoreDNS answers, its start, and how soon
// a new Service resolves. COREDNS names CoreDNS's program; without it that part is not run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runJob } from './child.ts';
import type { DnsLoadJob, DnsLoadResult } from './dns-load.ts';
import { type DnsServer, resolves, startCoreDns, startDns } from './dns-server.ts';
import type { FillJob } from './fill.ts';
import { end, residentMemory, type Server, startServer } from './server.ts';
import { type Bench, type Context, ms, percentile, type Row, rate, spread } from './table.ts';
import { connect } from './wire.ts';

const SERVICES = 10_000;
const MANY = SERVICES.toLocaleString('en');
const OUTSTANDING = 32;
const STARTS = 10;
const CREATED = 100;
const PATTERN = 'fill-%.default.svc.cluster.local';

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

function told({ perSecond, p50, p99, lost, wrong }: DnsLoadResult): string {
  const trouble = `${lost ? ` · ${lost} LOST` : ''}${wrong ? ` · ${wrong} WRONG` : ''}`;
  return `${rate(perSecond)} · p50 ${ms(p50)} · p99 ${ms(p99)}${trouble}`;
}

function loadRows(found: DnsLoadResult, limit: DnsLoadResult): Row[] {
  const share = Math.round((100 * found.perSecond) / limit.perSecond);
  return [
    { what: `UDP echo, bare Node, ${OUTSTANDING} outstanding: the limit`, measured: told(limit) },
    {
      what: `DNS: A queries, ${OUTSTANDING} outstanding, ${MANY} services`,
      measured: `${told(found)} (${share} % of the limit)`,
      target: '≥ 18,000/s, p99 ≤ 6 ms',
      met: found.perSecond >= 18_000 && found.p99 <= 6 && found.wrong === 0,
    },
  ];
}

const memoryOf = async ({ child }: DnsServer): Promise<string> =>
  `${Math.round((await residentMemory(child.pid!)) / 2 ** 20)} MiB`;

/** The same load on CoreDNS, as kubeadm configures it; `ours` is what there was of our own. */
async function coreDnsRows(kubeconfig: string, ours: DnsLoadResult, context: Context): Promise<Row[]> {
  const what = 'CoreDNS: the same queries';
  const program = process.env.COREDNS;
  if (!program) return [{ what, measured: 'not run: COREDNS names no program' }];
  const { scratch, seconds, signal } = context;
  const name = PATTERN.replace('%', String(SERVICES - 1));
  const server = await startCoreDns(program, { kubeconfig, name, scratch });
  try {
    const found = await load(server.port, seconds, true, signal);
    const ratio = ours.perSecond / found.perSecond;
    return [
      { what, measured: told(found) },
      { what: 'DNS beside CoreDNS', measured: `${ratio.toFixed(2)} ×`, target: '> 1 ×', met: ratio > 1 },
      { what: 'memory of CoreDNS then', measured: await memoryOf(server) },
      { what: `CoreDNS: start → answers, ${MANY} services`, measured: ms(server.startMs) },
    ];
  } finally {
    await end(server.child);
  }
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
      rows.push(startRow(`${MANY} services`, await starts(kubeconfig)));
      const dns = await startDns(kubeconfig);
      let found: DnsLoadResult;
      try {
        found = await load(dns.port, seconds, true, signal);
        rows.push(...loadRows(found, await echoLoad(context)));
        const latencies = await createdToResolved(server, dns.port);
        const met = percentile(latencies, 0.99) <= 20;
        rows.push({ what: 'Service created → resolves', measured: spread(latencies), target: 'p99 ≤ 20 ms', met });
        rows.push({ what: 'memory of DNS then', measured: await memoryOf(dns) });
      } finally {
        await end(dns.child);
      }
      return [...rows, ...(await coreDnsRows(kubeconfig, found, context))];
    } finally {
      await server.stop();
    }
  },
};
