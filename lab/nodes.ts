// The nodes of a lab that runs: stopped, started again, added, removed. One change at a time.
import { rm } from 'node:fs/promises';
import { isReason } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import { nodes as nodeResource, pods as podResource } from '../client/resources.ts';
import { UsageError } from '../host/lifecycle.ts';
import { blackOut } from './blackout.ts';
import type { Running } from './directory.ts';
import { addNode, MAX_NODES, nodeName, unplugNode } from './network.ts';
import type { Processes } from './processes.ts';
import { machineRole, nodeDirectory, type Role, type RoleOptions } from './roles.ts';

export interface NodesOptions extends RoleOptions {
  readonly processes: Processes;
  readonly client: Client;
  run(role: Role): void;
  /** Some were added, removed, stopped or started. */
  changed(now: Pick<Running, 'nodes' | 'stopped'>): Promise<void>;
  say(line: string): void;
}

export class Nodes {
  readonly #options: NodesOptions;
  #indexes: readonly number[];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: NodesOptions) {
    this.#options = options;
    this.#indexes = options.settings.nodes;
  }

  /** Cuts a node's power: its processes and what its kernel held are gone, its folder stays. Throws UsageError. */
  stop(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const index = this.#indexOf(name);
      if (!this.#options.processes.isRunning(name)) throw new UsageError(`${name} is stopped already`);
      await this.#cutPower(index);
      await this.#told();
      this.#options.say(`${name} is stopped`);
    });
  }

  /** The node boots with the folder it had. Throws UsageError. */
  start(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const index = this.#indexOf(name);
      if (this.#options.processes.isRunning(name)) throw new UsageError(`${name} runs already`);
      await this.#boot(index);
      await this.#told();
      this.#options.say(`${name} is started`);
    });
  }

  /** A new machine with the lowest free index joins; resolves with its name. Throws UsageError when there is no room. */
  add(): Promise<string> {
    return this.#inTurn(async () => {
      const index = Array.from({ length: MAX_NODES }, (_, i) => i + 1).find((one) => !this.#indexes.includes(one));
      if (!index) throw new UsageError(`a lab has ${MAX_NODES} nodes at most`);
      await this.#boot(index);
      this.#indexes = [...this.#indexes, index].sort((a, b) => a - b);
      await this.#told();
      this.#options.say(`${nodeName(index)} is added`);
      return nodeName(index);
    });
  }

  /** The machine is gone for good, with its disk, its Node and the pods that were bound to it. Throws UsageError. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const index = this.#indexOf(name);
      if (this.#indexes.length === 1)
        throw new UsageError(`${name} is the only node; end the lab with: vitrine lab down`);
      if (this.#options.processes.isRunning(name)) await this.#cutPower(index);
      this.#indexes = this.#indexes.filter((one) => one !== index);
      await this.#told();
      await forgetNode(this.#options.client, name);
      await rm(nodeDirectory(this.#options, index), { recursive: true, force: true });
      this.#options.say(`${name} is removed`);
    });
  }

  async #cutPower(index: number): Promise<void> {
    const name = nodeName(index);
    await unplugNode(index);
    const ended = this.#options.processes.stop([name]); // not to be started again
    await blackOut(name, nodeDirectory(this.#options, index));
    await ended;
  }

  async #boot(index: number): Promise<void> {
    await addNode(index, this.#options.settings.ipFamilies);
    this.#options.run(machineRole(this.#options, index));
  }

  #told(): Promise<void> {
    const { processes, changed } = this.#options;
    return changed({
      nodes: this.#indexes,
      stopped: this.#indexes.filter((index) => !processes.isRunning(nodeName(index))),
    });
  }

  #indexOf(name: string): number {
    const index = this.#indexes.find((one) => nodeName(one) === name);
    if (!index) throw new UsageError(`no node ${name}; there is ${this.#indexes.map(nodeName).join(', ')}`);
    return index;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => {}); // told to whoever asked
    return done;
  }
}

/** Deletes a Node that has no machine any more, and its pods: nobody is left to end them. Others take their place. */
export async function forgetNode(client: Client, name: string): Promise<void> {
  const ignoreGone = (error: unknown): void => {
    if (!isReason(error, 'NotFound')) throw error;
  };
  await client.delete(nodeResource, { name }).catch(ignoreGone);
  const { items } = await client.list(podResource, { fieldSelector: `spec.nodeName=${name}` });
  const deleted = items.map(({ metadata: { name, namespace } }) =>
    client.delete(podResource, { name, namespace }, { gracePeriodSeconds: 0 }).catch(ignoreGone),
  );
  await Promise.all(deleted);
}
