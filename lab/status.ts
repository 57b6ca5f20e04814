// `vitrine lab status`: what a lab has, and what it costs: nodes, pods, services with their addresses, processes.
import { hostPort } from '../api/ip.ts';
import type { Node, Pod, Service } from '../api/types/core.v1.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { nodes, pods, services } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { type Program, program } from '../host/program.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import { askLab, type LabStatus } from './control.ts';
import { type Cost, costOf, costsOfLab } from './costs.ts';
import { type Directory, directoryAt, dirFlag, needRunning, type Running } from './directory.ts';
import { nodeName } from './network.ts';
import { isReady } from './ready.ts';
import { formatAge, formatMiB, formatTable } from './tables.ts';

/** An API server that says nothing for so long counts as silent. */
const PATIENCE_MS = 3000;

type Table = readonly (readonly string[])[];

export const status: Program = program({
  name: 'lab status',
  summary: "shows a lab's nodes, pods, services and addresses, and what its processes cost",
  flags: { dir: dirFlag },
  async run({ dir }) {
    const directory = directoryAt(dir);
    const running = await needRunning(directory);
    const [processes, objects] = await Promise.all([processRows(directory, running), readObjects(directory)]);
    const forNodes = hostPort(addressesOf(running.ipFamilies)[0].gateway, running.securePort);
    const heading = [
      ['API server', `https://127.0.0.1:${running.securePort}  (nodes: https://${forNodes})`],
      ['kubeconfig', directory.kubeconfig],
      ['kube-proxy', running.proxyMode],
      ['pod network', running.podNetwork],
      ['addresses', running.ipFamilies],
      ['up', formatAge(Date.now() - running.startedAt)],
    ];
    const tables =
      objects instanceof Error
        ? [nodesTable(running, []), [[`The API server does not answer: ${objects.message}`]]]
        : [nodesTable(running, objects.nodes), podsTable(objects.pods), servicesTable(objects.services)];
    process.stdout.write([heading, ...tables, processes].map(formatTable).join('\n'));
    return 0;
  },
}) as Program;

interface Objects {
  nodes: Node[];
  pods: Pod[];
  services: Service[];
}

/** An API server that does not answer is part of the picture, not the end of it. */
async function readObjects(directory: Directory): Promise<Objects | Error> {
  try {
    const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-status' });
    const query = { signal: AbortSignal.timeout(PATIENCE_MS) };
    const asked = [client.list(nodes, query), client.list(pods, query), client.list(services, query)] as const;
    const lists = await Promise.all(asked).finally(() => client.close());
    return { nodes: lists[0].items, pods: lists[1].items, services: lists[2].items };
  } catch (error) {
    return error as Error;
  }
}

function nodesTable({ nodes: indexes, stopped, ipFamilies }: Running, objects: readonly Node[]): Table {
  const ofEach = (what: (addresses: Addresses) => string): string => addressesOf(ipFamilies).map(what).join(',');
  const rows = indexes.map((index) => {
    const object = objects.find(({ metadata }) => metadata.name === nodeName(index));
    const told = object && isReady(object) ? 'Ready' : 'NotReady';
    const own = [ofEach(({ node }) => node(index)), ofEach(({ podCIDR }) => podCIDR(index))];
    return [nodeName(index), stopped.includes(index) ? 'stopped' : told, ...own];
  });
  return [['NODE', 'STATUS', 'ADDRESS', 'PODS'], ...rows, ['internet', '', ofEach(({ internet }) => internet), '']];
}

function podsTable(objects: readonly Pod[]): Table {
  const rows = objects.map(({ metadata, spec, status }) => {
    const statuses = status?.containerStatuses ?? [];
    const waits = statuses.map(({ state }) => state?.waiting?.reason).find(Boolean);
    const word = metadata.deletionTimestamp ? 'Terminating' : (waits ?? status?.phase ?? '');
    const ready = `${statuses.filter(({ ready }) => ready).length}/${spec?.containers.length ?? 0}`;
    return [`${metadata.namespace}/${metadata.name}`, ready, word, status?.podIP ?? '', spec?.nodeName ?? ''];
  });
  return [['POD', 'READY', 'STATUS', 'ADDRESS', 'NODE'], ...rows];
}

function servicesTable(objects: readonly Service[]): Table {
  const rows = objects.map(({ metadata, spec, status }) => {
    const outside = [
      ...(spec?.externalIPs ?? []),
      ...(status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? ''),
      ...(spec?.externalName ? [spec.externalName] : []),
    ];
    const ports = (spec?.ports ?? []).map(
      ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`,
    );
    const name = `${metadata.namespace}/${metadata.name}`;
    return [name, spec?.type ?? '', spec?.clusterIP ?? '', outside.join(','), ports.join(',')];
  });
  return [['SERVICE', 'TYPE', 'CLUSTER-IP', 'EXTERNAL', 'PORTS'], ...rows];
}

/** Pids and figures as the machine counts; CPU since the process's start, and that as a share of one core. */
async function processRows(directory: Directory, { launcherPid, initPid, startedAt }: Running): Promise<Table> {
  const { supervisorPid, processes } = await askLab<LabStatus>(directory, 'GET', '/status');
  const [launcher, costs] = await Promise.all([costOf(launcherPid), costsOfLab(initPid)]);
  const known = new Map([supervisorPid, ...processes.map(({ pid }) => pid)].map((pid) => [pid, take(costs, pid)]));
  const row = (name: string, cost: Cost | undefined, since: number | undefined, restarts = 0): string[] =>
    cost && since
      ? [name, String(cost.pid), ...figures([cost], since), String(restarts)]
      : [name, 'down', '', '', '', '', ''];
  const containers = costs.filter(({ pids, command }) => pids.length > 2 || command.includes('shim.pl'));
  const others = costs.filter((cost) => !containers.includes(cost));
  const all = [...(launcher ? [launcher] : []), ...[...known.values()].filter((cost) => cost !== undefined), ...costs];
  return [
    ['PROCESS', 'PID', 'MEMORY', 'CPU', 'SHARE', 'UP', 'RESTARTS'],
    row('lab up', launcher, startedAt),
    row('supervisor', known.get(supervisorPid), startedAt),
    ...processes.map(({ name, pid, startedAt, restarts }) =>
      row(name, pid ? known.get(pid) : undefined, startedAt, restarts),
    ),
    [`containers`, `${containers.length}`, ...figures(containers, startedAt), ''],
    [`others`, `${others.length}`, ...figures(others, startedAt), ''],
    ['all', `${all.length}`, ...figures(all, startedAt), ''],
  ];
}

/** The process whose pid inside the lab is this, taken out of `costs`. */
function take(costs: Cost[], pid: number | undefined): Cost | undefined {
  const at = costs.findIndex(({ pids }) => pids.length === 2 && pids[1] === pid);
  return at < 0 ? undefined : costs.splice(at, 1)[0];
}

function figures(costs: readonly Cost[], since: number): string[] {
  const cpuMs = costs.reduce((sum, cost) => sum + cost.cpuMs, 0);
  const memory = costs.reduce((sum, cost) => sum + cost.memory, 0);
  const age = Math.max(1, Date.now() - since);
  return [formatMiB(memory), `${(cpuMs / 1000).toFixed(2)} s`, `${((100 * cpuMs) / age).toFixed(1)} %`, formatAge(age)];
}
