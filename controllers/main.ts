// `vitrine controllers`: the controller manager and the scheduler as one program.
import { hostname } from 'node:os';
import * as z from 'zod';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { runAsLeader } from '../client/leader-election.ts';
import { RestClient } from '../client/rest.ts';
import { durationFlag } from '../host/duration.ts';
import { UsageError } from '../host/lifecycle.ts';
import { program } from '../host/program.ts';
import { controllerNames, runControllers } from './controllers.ts';
import type { Endpoint } from './health.ts';
import type { ControllerMetrics } from './metrics.ts';
import { defaultOptions } from './options.ts';

export { runControllers } from './controllers.ts';
export { type ControllerOptions, defaultOptions } from './options.ts';

const count = (fallback: number): z.ZodType<number> => z.coerce.number().int().min(1).default(fallback);
const onOff = z.boolean().default(false);
const names = z
  .string()
  .default('*')
  .transform((text) => text.split(',').map((name) => name.trim()));

/** `127.0.0.1:10257`, `[::1]:10257` */
const endpointFlag = z.string().transform((text, context): Endpoint => {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const isAddress = z.ipv6().safeParse(bracketed).success || z.ipv4().safeParse(plain).success;
  if (isAddress && Number(port) < 65_536) return { host: bracketed ?? plain, port: Number(port) };
  context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not ADDRESS:PORT` });
  return z.NEVER;
});

const LEASE = 'vitrine-controllers';

interface Served {
  readonly metrics: ControllerMetrics;
  stop(): void;
}

/** What counts is loaded only when somebody may ask. */
async function serve(at: Endpoint | undefined): Promise<Served | undefined> {
  if (!at) return undefined;
  const [{ ControllerMetrics }, { serveHealth }] = await Promise.all([import('./metrics.ts'), import('./health.ts')]);
  const metrics = new ControllerMetrics();
  try {
    return { metrics, stop: await serveHealth(at, metrics) };
  } catch (error) {
    throw new UsageError(`--healthz-bind-address: ${(error as Error).message}`, 1);
  }
}

export const controllers = program({
  name: 'controllers',
  summary: 'The controller manager and the scheduler.',
  flags: {
    kubeconfig: { type: z.string({ error: 'is required' }), help: 'file that says where the API server is (required)' },
    controllers: { type: names, help: `comma-separated: * (all), NAME, -NAME; of ${controllerNames.join(', ')}` },
    'cluster-cidr': {
      type: z
        .string()
        .default(defaultOptions.clusterCIDRs.join())
        .transform((text) => text.split(',')),
      help: 'addresses of all pods: CIDR or CIDR,CIDR, IPv4 and IPv6 in either order (10.244.0.0/16)',
    },
    'node-cidr-mask-size-ipv4': {
      type: count(defaultOptions.nodeCIDRMaskSize.IPv4),
      help: "prefix length of a node's share of the IPv4 ones (24)",
    },
    'node-cidr-mask-size-ipv6': {
      type: count(defaultOptions.nodeCIDRMaskSize.IPv6),
      help: 'and of the IPv6 ones (64)',
    },
    'node-cidr-mask-size': {
      type: z.coerce.number().int().min(1).optional(),
      help: 'the one of a cluster that has one family of addresses',
    },
    'load-balancer-cidr': {
      type: z
        .string()
        .default(defaultOptions.loadBalancerCIDRs.join())
        .transform((text) => text.split(',').filter(Boolean)),
      help: 'addresses for Services of type LoadBalancer: CIDR or CIDR,CIDR, of each IP family (default none: they stay pending)',
    },
    'concurrent-syncs': {
      type: count(defaultOptions.concurrentSyncs),
      help: 'objects each controller works on at once (5)',
    },
    'node-monitor-grace-period': { type: durationFlag('40s'), help: 'silence after which a node counts as gone (40s)' },
    'node-monitor-period': { type: durationFlag('5s'), help: 'time between looks at all nodes (5s)' },
    'terminated-pod-gc-threshold': {
      type: count(defaultOptions.terminatedPodGCThreshold),
      help: 'finished pods kept (12500)',
    },
    'leader-elect': {
      type: onOff,
      boolean: true,
      help: 'work only while holding the lease kube-system/vitrine-controllers',
    },
    'healthz-bind-address': {
      type: endpointFlag.optional(),
      help: 'ADDRESS:PORT of /healthz, /livez, /readyz and /metrics, over HTTP (default: none)',
    },
  },
  async run(values, { signal, log }) {
    const connection = await loadKubeconfig(values.kubeconfig);
    const served = await serve(values['healthz-bind-address']);
    const metrics = served?.metrics;
    const { host } = new URL(connection.server);
    const client = new RestClient(connection, {
      userAgent: 'kube-controller-manager/vitrine',
      onAnswer: (answered) => metrics?.answered(host, answered),
    });
    const options = {
      ...defaultOptions,
      controllers: values.controllers,
      clusterCIDRs: values['cluster-cidr'],
      nodeCIDRMaskSize: {
        IPv4: values['node-cidr-mask-size'] ?? values['node-cidr-mask-size-ipv4'],
        IPv6: values['node-cidr-mask-size'] ?? values['node-cidr-mask-size-ipv6'],
      },
      loadBalancerCIDRs: values['load-balancer-cidr'],
      concurrentSyncs: values['concurrent-syncs'],
      nodeMonitorGracePeriodMs: values['node-monitor-grace-period'],
      nodeMonitorPeriodMs: values['node-monitor-period'],
      terminatedPodGCThreshold: values['terminated-pod-gc-threshold'],
      rootCA: connection.ca?.toString() ?? '',
    };
    const work = (until: AbortSignal): Promise<void> => runControllers(client, { options, log, metrics }, until);
    try {
      if (!values['leader-elect']) await work(signal);
      else {
        const lease = { name: LEASE, namespace: 'kube-system' };
        const identity = `${hostname()}_${process.pid}`;
        metrics?.leads(LEASE, false);
        const lead = async (until: AbortSignal): Promise<void> => {
          metrics?.leads(LEASE, true);
          await work(until).finally(() => metrics?.leads(LEASE, false));
        };
        await runAsLeader({ client, lease, identity, log }, lead, signal);
      }
    } finally {
      await client.close();
      served?.stop();
    }
    return 0;
  },
});
