// Everything a script of these tests plays with: the topology, servers and clients on it, the control plane, and a proxy per node.
// All of it, files included, lives in the script's namespaces and ends with the script's process.
import { mkdir, symlink } from 'node:fs/promises';
import { ControlPlane } from './control-plane.ts';
import { allNodes } from './objects.ts';
import { type Mode, ProxyProcess, type ProxyProgram, Settling } from './proxies.ts';
import { Clients, startServers } from './sockets.ts';
import { ALL_PODS, API_IP, buildTopology, NODE_NAMES } from './topology.ts';
import type { UpstreamServer } from './upstream-control-plane.ts';

/** `/run` is the script's own. */
const KUBECONFIG = '/run/kubeconfig';

export interface WorldOptions {
  readonly mode: Mode;
  readonly program: ProxyProgram;
  /** Absent: our own API server. */
  readonly server?: UpstreamServer;
}

/** Upstream writes all rules in one message, which a user namespace takes from iptables-legacy only. */
async function preferLegacyIptables(): Promise<void> {
  const folder = '/run/legacy';
  await mkdir(folder);
  for (const family of ['iptables', 'ip6tables']) {
    for (const verb of ['', '-save', '-restore']) {
      await symlink('/usr/sbin/xtables-legacy-multi', `${folder}/${family}${verb}`);
    }
  }
  process.env.PATH = `${folder}:${process.env.PATH}`;
}

export class World {
  readonly cluster: ControlPlane;
  readonly clients = new Clients();
  readonly proxies: readonly ProxyProcess[];
  readonly #settling: Settling;

  private constructor(cluster: ControlPlane, proxies: readonly ProxyProcess[]) {
    this.cluster = cluster;
    this.proxies = proxies;
    this.#settling = new Settling(cluster, this.clients);
  }

  /** The proxies are not started yet. */
  static async build({ mode, program, server }: WorldOptions): Promise<World> {
    if (program.isUpstream && mode === 'iptables') await preferLegacyIptables();
    await buildTopology();
    await startServers(ALL_PODS);
    const cluster = await ControlPlane.start(API_IP, KUBECONFIG, server);
    await cluster.put(...allNodes());
    return new World(
      cluster,
      NODE_NAMES.map((place) => new ProxyProcess({ program, mode, kubeconfig: KUBECONFIG, place })),
    );
  }

  /** Resolves when all running proxies, and `more`, have brought everything written so far into the kernel. Throws UnsettledError. */
  settle(more: readonly ProxyProcess[] = [], patienceMs?: number): Promise<void> {
    return this.#settling.settle([...this.proxies, ...more], patienceMs);
  }
}
