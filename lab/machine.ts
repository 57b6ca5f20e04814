// `vitrine lab machine`: one node of the lab, node agent and kube-proxy in one process, inside the node's network namespace.
import * as z from 'zod';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { type Program, program } from '../host/program.ts';
import { runAgent } from '../node/agent.ts';
import { defaultOptions, runProxy } from '../proxy/proxy.ts';
import { modeFlag } from './flags.ts';
import { CLUSTER_CIDR } from './network.ts';

/** Renewed every quarter of it: often enough for the 4 s after which the lab's controllers call a node NotReady. */
const LEASE_SECONDS = 4;

export const machine: Program = program({
  name: 'lab machine',
  summary: 'runs the node agent and kube-proxy of one node',
  flags: {
    kubeconfig: { type: z.string(), help: 'file that tells where the API server is' },
    'node-name': { type: z.string(), help: "the Node object's name" },
    'node-ip': { type: z.ipv4(), help: "the node's address" },
    directory: { type: z.string(), help: "folder for the agent's state, kept over restarts" },
    'proxy-mode': modeFlag,
  },
  async run(values, { signal, log }) {
    const client = new RestClient(await loadKubeconfig(values.kubeconfig), { userAgent: 'vitrine-machine' });
    const nodeName = values['node-name'];
    const mode = values['proxy-mode'];
    // Neither is a node without the other: the end of one ends both, and the supervisor starts both again.
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    const agent = runAgent({
      client,
      nodeName,
      nodeIP: values['node-ip'],
      directory: values.directory,
      version: '0.1.0',
      leaseDurationSeconds: LEASE_SECONDS,
      clusterCIDR: CLUSTER_CIDR,
      mirrorPods: [{ name: 'kube-proxy', image: 'vitrine', command: ['vitrine', 'proxy', `--proxy-mode=${mode}`] }],
      log,
      signal: both,
    });
    const proxy = runProxy({
      client,
      mode,
      options: { ...defaultOptions(nodeName, mode), clusterCIDRs: [CLUSTER_CIDR] },
      healthzBindAddress: '0.0.0.0:10256',
      metricsBindAddress: '127.0.0.1:10249',
      log,
      signal: both,
    });
    await Promise.all([agent, proxy].map((loop) => loop.catch((error: unknown) => failed.abort(error))));
    await client.close();
    if (failed.signal.aborted) throw failed.signal.reason;
    return 0;
  },
}) as Program;
