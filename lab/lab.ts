// A lab's parts in their order: network and API server at once, then all that needs a kubeconfig, then nodes that are Ready.

import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { applyLinks } from '../host/links.ts';
import { netnsPath } from '../host/netns.ts';
import { type LabStatus, serveControl } from './control.ts';
import { makeAccounts, writeKubeconfigs } from './credentials.ts';
import type { Directory, Settings } from './directory.ts';
import { buildNetwork, GATEWAY_IP, INTERNET_IP, nodeIP, nodeNames, WIRE } from './network.ts';
import { Processes } from './processes.ts';
import { fileAppears, forgetReadiness, nodesReady } from './ready.ts';
import {
  APISERVER,
  apiserverRole,
  controllersRole,
  FORWARDER,
  forwarderRole,
  machineRole,
  type Role,
} from './roles.ts';
import { clockTime, elapsed, say } from './talk.ts';

export interface LabOptions {
  directory: Directory;
  settings: Settings;
  /** ms since the epoch: what the times of the steps count from. */
  startedAt: number;
  vitrine: readonly string[];
}

export class Lab {
  readonly #options: LabOptions;
  readonly #processes = new Processes();
  #control?: Server;
  #client?: RestClient;

  constructor(options: LabOptions) {
    this.#options = options;
  }

  /** Aborts with a GaveUpError when a process cannot be kept running. */
  get failure(): AbortSignal {
    return this.#processes.failure;
  }

  /** Resolves when all nodes are Ready; rejects with the signal's reason when it aborts first. */
  async start(signal: AbortSignal): Promise<void> {
    const { directory, settings } = this.#options;
    const accounts = await makeAccounts(directory, settings.nodes);
    const network = buildNetwork(settings.nodes).then(() => {
      this.#step(`network: ${this.#places()}`);
      this.#run(forwarderRole(this.#options)); // listens before the first node asks for the API server
    });
    this.#run(apiserverRole(this.#options));
    await Promise.all([network, fileAppears(directory.kubeconfig, signal)]);
    const server = (host: string): string => `https://${host}:${settings.securePort}`;
    this.#step(`API server: ${server('127.0.0.1')}`);

    await writeKubeconfigs(directory, accounts, ({ name }) =>
      server(name.startsWith('node-') ? GATEWAY_IP : '127.0.0.1'),
    );
    this.#client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-lab' });
    await forgetReadiness(this.#client);
    for (const index of nodeNames(settings.nodes).keys()) this.#run(machineRole(this.#options, index + 1));
    this.#run(controllersRole(this.#options));
    this.#control = await serveControl({
      status: () => this.#status(),
      stopNode: (name) => this.#stopNode(name),
      startNode: (name) => this.#startNode(name),
    });
    const names = nodeNames(settings.nodes);
    await nodesReady(this.#client, names, (name) => this.#step(`${name} is Ready`), signal);
  }

  /** Ends every process: first those that write to the API server, last the API server. */
  async stop(): Promise<void> {
    this.#control?.close();
    this.#control?.closeAllConnections();
    await this.#processes.stopAll([FORWARDER, APISERVER]);
    await this.#client?.close();
  }

  #run(role: Role): void {
    this.#processes.start({ ...role, env: process.env, report: (line) => say(`${clockTime()} ${line}`) });
  }

  #step(line: string): void {
    say(`${elapsed(this.#options.startedAt)}  ${line}`);
  }

  #places(): string {
    const { nodes } = this.#options.settings;
    const last = nodes > 1 ? ` to ${nodeIP(nodes)}` : '';
    return `${nodes === 1 ? 'node-1 is' : `${nodes} nodes are`} ${nodeIP(1)}${last}, internet is ${INTERNET_IP}`;
  }

  async #status(): Promise<LabStatus> {
    const processes = this.#processes.states().map(async (state) => {
      return { ...state, ...(state.pid && { rss: await residentBytes(state.pid) }) };
    });
    return { processes: await Promise.all(processes) };
  }

  async #stopNode(name: string): Promise<void> {
    this.#indexOf(name);
    if (!this.#processes.isRunning(name)) throw new UsageError(`${name} is stopped already`);
    await applyLinks([{ op: 'down', name }], { netns: netnsPath(WIRE) });
    await this.#processes.stop([name]);
    say(`${clockTime()} ${name} is stopped`);
  }

  async #startNode(name: string): Promise<void> {
    const index = this.#indexOf(name);
    if (this.#processes.isRunning(name)) throw new UsageError(`${name} runs already`);
    await applyLinks([{ op: 'up', name }], { netns: netnsPath(WIRE) });
    this.#run(machineRole(this.#options, index));
    say(`${clockTime()} ${name} is started`);
  }

  /** Counts from 1. */
  #indexOf(name: string): number {
    const names = nodeNames(this.#options.settings.nodes);
    const index = names.indexOf(name);
    if (index < 0) throw new UsageError(`no node ${name}; there is ${names.join(', ')}`);
    return index + 1;
  }
}

/** VmRSS of a process; undefined when it is gone. */
async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  });
  const [, kilobytes] = /^VmRSS:\s*(\d+) kB/m.exec(status) ?? [];
  return kilobytes ? Number(kilobytes) * 1024 : undefined;
}
