// A lab's parts in their order: network and API server at once, then all that needs a kubeconfig, then nodes that are Ready.

import { writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { hostPort } from '../api/ip.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { addressesOf } from './addresses.ts';
import { installClusterDns } from './cluster-dns.ts';
import { serveControl } from './control.ts';
import { makeAccounts, writeKubeconfigs } from './credentials.ts';
import type { Directory, Running, Settings } from './directory.ts';
import { EGRESS_PROGRAM, egressConfiguration, egressConfigurationFile, egressFile } from './egress.ts';
import { FORWARDER_PROGRAM } from './forwarder.ts';
import { BALANCER, buildNetwork, nodeName } from './network.ts';
import { forgetNode, Nodes } from './nodes.ts';
import { Processes } from './processes.ts';
import { Progress } from './progress.ts';
import { fileAppears, forgetReadiness, nodesReady } from './ready.ts';
import {
  APISERVER,
  apiserverRole,
  balancerRole,
  controllersRole,
  EGRESS,
  EGRESS_SOCKET,
  egressRole,
  FORWARDER,
  forwarderFile,
  forwarderRole,
  machineRole,
  type Role,
} from './roles.ts';
import { clockTime } from './talk.ts';

export interface LabOptions {
  directory: Directory;
  settings: Settings;
  /** ms since the epoch: what the times of the steps count from. */
  startedAt: number;
  vitrine: readonly string[];
  /** Called when nodes were added, removed, stopped or started. */
  nodesChanged(now: Pick<Running, 'nodes' | 'stopped'>): Promise<void>;
}

const NETWORK = 'the network';
const API_SERVER = 'the API server';

export class Lab {
  readonly #options: LabOptions;
  readonly #processes = new Processes();
  readonly #progress: Progress;
  #control?: Server;
  #client?: RestClient;

  constructor(options: LabOptions) {
    this.#options = options;
    const { startedAt, settings } = options;
    this.#progress = new Progress({ startedAt, steps: [NETWORK, API_SERVER, ...settings.nodes.map(nodeName)] });
  }

  /** Aborts with a GaveUpError when a process cannot be kept running. */
  get failure(): AbortSignal {
    return this.#processes.failure;
  }

  /**
   * Resolves when all nodes are Ready; rejects with the signal's reason when it aborts first. Every program is started as soon
   * as its place exists, and loads while the API server starts; it begins when its kubeconfig appears.
   */
  async start(signal: AbortSignal): Promise<void> {
    const isOver = new AbortController();
    const shown = this.#progress.run(AbortSignal.any([signal, isOver.signal]));
    try {
      await this.#start(signal);
    } finally {
      isOver.abort();
      await shown;
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { directory, settings } = this.#options;
    const accounts = await makeAccounts(directory);
    await writeFile(egressConfigurationFile(directory), egressConfiguration(EGRESS_SOCKET));
    this.#run(apiserverRole(this.#options));
    await Promise.all([this.#raiseNodes(), fileAppears(directory.kubeconfig, signal)]);
    const [addresses] = addressesOf(settings.ipFamilies);
    const server = (host: string): string => `https://${hostPort(host, settings.securePort)}`;
    this.#progress.done(API_SERVER, `API server: ${server('127.0.0.1')}`);

    const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-lab' });
    this.#client = client;
    const names = settings.nodes.map(nodeName);
    await forgetStrangers(client, names);
    await forgetReadiness(client);
    await writeKubeconfigs(directory, accounts, ({ name }) =>
      server(name.startsWith('node-') || name === BALANCER ? addresses.gateway : '127.0.0.1'),
    );
    await this.#openControl(client);
    const dns = this.#installDns(client);
    await nodesReady(client, names, (name) => this.#progress.done(name, `${name} is Ready`), signal);
    await dns;
    this.#run(balancerRole(this.#options)); // last: nobody waits for it
  }

  /** A lab without it is still of use: why it could not be installed is said, and no more. */
  async #installDns(client: RestClient): Promise<void> {
    await installClusterDns(client, addressesOf(this.#options.settings.ipFamilies)[0]).catch((error: Error) =>
      this.#report(`cluster DNS could not be installed: ${error.message}`),
    );
  }

  /** Ends every process: first those that write to the API server, last the API server. */
  async stop(): Promise<void> {
    this.#control?.close();
    this.#control?.closeAllConnections();
    await this.#processes.stopAll([EGRESS, FORWARDER, APISERVER]);
    await this.#client?.close();
  }

  async #raiseNodes(): Promise<void> {
    const { directory, settings } = this.#options;
    const written = Promise.all([
      writeFile(forwarderFile(directory), FORWARDER_PROGRAM),
      writeFile(egressFile(directory), EGRESS_PROGRAM),
    ]);
    await buildNetwork(settings.nodes, settings.ipFamilies);
    this.#progress.done(NETWORK, `network: ${this.#places()}`);
    await written;
    this.#run(forwarderRole(this.#options));
    this.#run(egressRole(this.#options));
    for (const index of settings.nodes) this.#run(machineRole(this.#options, index));
    this.#run(controllersRole(this.#options));
  }

  async #openControl(client: RestClient): Promise<void> {
    const nodes = new Nodes({
      ...this.#options,
      processes: this.#processes,
      client,
      run: (role) => this.#run(role),
      changed: this.#options.nodesChanged,
      say: (line) => this.#report(line),
    });
    this.#control = await serveControl({
      status: () => ({ supervisorPid: process.pid, processes: this.#processes.states() }),
      stopNode: (name) => nodes.stop(name),
      startNode: (name) => nodes.start(name),
      addNode: () => nodes.add(),
      removeNode: (name) => nodes.remove(name),
    });
  }

  #run(role: Role): void {
    this.#processes.start({ ...role, env: process.env, report: (line) => this.#report(line) });
  }

  #report(line: string): void {
    this.#progress.say(`${clockTime()} ${line}`);
  }

  #places(): string {
    const { nodes, ipFamilies } = this.#options.settings;
    const [{ node, internet }] = addressesOf(ipFamilies);
    const at = `${node(nodes[0])}${nodes.length > 1 ? ` to ${node(nodes.at(-1)!)}` : ''}`;
    return `${nodes.length === 1 ? `${nodeName(nodes[0])} is` : `${nodes.length} nodes are`} ${at}, internet is ${internet}`;
  }
}

/** Nodes of an earlier start that this one has not: their machines are gone. What else users have made stays. */
async function forgetStrangers(client: RestClient, names: readonly string[]): Promise<void> {
  const { items } = await client.list(nodeResource);
  const strangers = items.map(({ metadata }) => metadata.name).filter((name) => isOurs(name) && !names.includes(name));
  await Promise.all(strangers.map((name) => forgetNode(client, name)));
}

const isOurs = (name: string): boolean => /^node-\d+$/.test(name);
