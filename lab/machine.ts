// `vitrine lab machine`: one node of the lab, node agent and kube-proxy in one process, inside the node's network namespace.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { hostPort } from '../api/ip.ts';
import { nodeCertificate } from '../apiserver/certificates.ts';
import type { Connection } from '../client/connection.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { createContainerLogger } from '../host/log.ts';
import { type Program, program } from '../host/program.ts';
import { addressesFlag } from '../node/addresses-flag.ts';
import { runAgent } from '../node/agent.ts';
import type { ServingIdentity } from '../node/streams/stream-server.ts';
import { defaultOptions, runProxy } from '../proxy/proxy.ts';
import { IPV4 } from './addresses.ts';
import { modeFlag, podNetworkFlag, standInFlag } from './flags.ts';
import { fileAppears } from './ready.ts';

/** Renewed every quarter of it: often enough for the 4 s after which the lab's controllers call a node NotReady. */
const LEASE_SECONDS = 4;

interface Place {
  'node-name': string;
  'node-ip': string[];
  'cluster-data': string;
}

/** What the API server knows this node by, and the node the API server. */
async function servingIdentity(place: Place, { ca }: Connection): Promise<ServingIdentity | undefined> {
  const pair = await nodeCertificate(place['cluster-data'], place['node-name'], place['node-ip']);
  return pair && ca ? { ...pair, clientCA: ca } : undefined;
}

export const machine: Program = program({
  name: 'lab machine',
  summary: 'runs the node agent and kube-proxy of one node',
  flags: {
    kubeconfig: { type: z.string(), help: 'file that tells where the API server is; waited for' },
    'node-name': { type: z.string(), help: "the Node object's name" },
    'node-ip': { type: addressesFlag, help: "the node's address, or one of each family" },
    'cluster-cidr': {
      type: z
        .string()
        .default(IPV4.pods)
        .transform((text) => text.split(',')),
      help: "all pods' addresses",
    },
    'cluster-dns': { type: z.string().default(IPV4.clusterDNS), help: "nameserver in the pods' resolv.conf" },
    directory: { type: z.string(), help: "folder for the agent's state, kept over restarts" },
    'cluster-data': {
      type: z.string(),
      help: "the API server's data directory, whose authority vouches for this node",
    },
    'proxy-mode': modeFlag,
    'pod-network': podNetworkFlag,
    'image-directory': { type: z.string(), help: 'where images are that were loaded by hand' },
    'stand-in-images': standInFlag,
  },
  async run(values, { signal, log, version }) {
    await fileAppears(values.kubeconfig, signal);
    const connection = await loadKubeconfig(values.kubeconfig);
    const client = new RestClient(connection, { userAgent: 'vitrine-machine' });
    const nodeName = values['node-name'];
    const mode = values['proxy-mode'];
    // Neither is a node without the other: the end of one ends both, and the supervisor starts both again.
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    await mkdir(values.directory, { recursive: true });
    const logFile = join(values.directory, 'kube-proxy.log');
    const agent = runAgent({
      client,
      nodeName,
      nodeIPs: values['node-ip'],
      directory: values.directory,
      version,
      leaseDurationSeconds: LEASE_SECONDS,
      clusterCIDRs: values['cluster-cidr'],
      clusterDNS: values['cluster-dns'],
      podNetwork: values['pod-network'],
      images: { loadedImages: values['image-directory'], standIn: values['stand-in-images'] },
      mirrorPods: [
        { name: 'kube-proxy', image: 'vitrine', command: ['vitrine', 'proxy', `--proxy-mode=${mode}`], logFile },
      ],
      serving: await servingIdentity(values, connection),
      log,
      signal: both,
    });
    const proxy = runProxy({
      client,
      mode,
      options: { ...defaultOptions(nodeName, mode), clusterCIDRs: values['cluster-cidr'] },
      healthzBindAddress: hostPort(values['node-ip'].every((ip) => ip.includes(':')) ? '::' : '0.0.0.0', 10256),
      metricsBindAddress: '127.0.0.1:10249',
      log: createContainerLogger('kube-proxy', logFile),
      signal: both,
    });
    await Promise.all([agent, proxy].map((loop) => loop.catch((error: unknown) => failed.abort(error))));
    await client.close();
    if (failed.signal.aborted) throw failed.signal.reason;
    return 0;
  },
}) as Program;
