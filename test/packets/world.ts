// Everything a script of these tests plays with: the topology, servers and clients on it, the control plane, and a proxy per node.
// All of it, files included, lives in the script's namespaces and ends with the script's process.
import { ControlPlane } from './control-plane.ts';
import { allNodes } from './objects.ts';
import { type Mode, ProxyProcess, type ProxyProgram, Settling } from './proxies.ts';
import { Clients, startServers } from './sockets.ts';
import { ALL_PODS, API_IP, buildTopology, NODE_NAMES } from './topology.ts';

/** `/run` is the script's own. */
const KUBECONFIG = '/run/kubeconfig';

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
  static async build({ mode, program }: { mode: Mode; program: ProxyProgram }): Promise<World> {
    await buildTopology();
    await startServers(ALL_PODS);
    const cluster = await ControlPlane.start(API_IP, KUBECONFIG);
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
