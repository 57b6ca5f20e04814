// Inside namespaces of its own: lets a random history happen to two nodes, and now and then compares what their proxies made of it, step by
// step, with what a proxy makes of the end of it in a kernel that knows nothing yet. Clients connect all the while.

import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import type { IPFamily } from '../../proxy/plan.ts';
import { Random } from '../harness/random.ts';
import { answer } from '../network.ts';
import { type KernelState, kernelState } from './kernel-state.ts';
import { hostOf, portsOf, serviceOf, slicesOf, type Target } from './objects.ts';
import { type Mode, ProxyProcess, type ProxyProgram } from './proxies.ts';
import { RandomChanges } from './random-changes.ts';
import type { Probe } from './sockets.ts';
import { at, NODE_NAMES, type NodeName, type Place, SCRATCH, type ServerPod } from './topology.ts';
import { World } from './world.ts';

export interface HistoryInput {
  readonly mode: Mode;
  readonly program: ProxyProgram;
  readonly seed: number;
  readonly rounds: number;
}

export interface Comparison {
  readonly round: number;
  readonly node: NodeName;
  /** Whether the node's proxy was killed in this round. */
  readonly wasKilled: boolean;
  readonly stepByStep: KernelState;
  readonly fromScratch: KernelState;
}

export interface HistoryOutput {
  readonly comparisons: readonly Comparison[];
  /** How many connections were made, and what those that failed met. */
  readonly connections: number;
  readonly failures: readonly string[];
}

const CHANGES_PER_ROUND = 4;
const PROBE_EVERY_MS = 25;
/** A first packet that is lost is sent again after a second. */
const RESENT_MS = 900;
/** Numbers of the Services that always have a live endpoint. */
const STEADY = 90;
const UNTOUCHED = 91;

const steadyName = (number: number): string => `steady-${number}`;

function steadyObjects(number: number, pods: readonly ServerPod[]) {
  const name = steadyName(number);
  const ports = portsOf(number).slice(0, 1);
  return [serviceOf({ name, number, ports }), ...slicesOf({ service: name, endpoints: pods, ports })];
}

function probe(world: World, number: number, from: Place, to: Target, family: IPFamily): Probe {
  const port = to.startsWith('node port') ? portsOf(number)[0].nodePort : 80;
  return world.clients.probe(
    { from, transport: 'tcp', host: hostOf(to, number, family), port, timeoutMs: 3000 },
    PROBE_EVERY_MS,
  );
}

class History {
  readonly #world: World;
  readonly #input: HistoryInput;
  readonly #random: Random;
  readonly #changes: RandomChanges;
  readonly #scratch: ProxyProcess;

  constructor(world: World, input: HistoryInput) {
    this.#world = world;
    this.#input = input;
    this.#random = new Random(input.seed + 1);
    this.#changes = new RandomChanges(input.seed);
    const { program, mode } = input;
    const { kubeconfig } = world.cluster;
    this.#scratch = new ProxyProcess({ program, mode, kubeconfig, place: SCRATCH, node: 'node-1' });
  }

  /** In every second round one proxy is killed at some moment, and started again after more has happened. */
  async round(round: number): Promise<Comparison> {
    const node = NODE_NAMES[round % 2];
    const proxy = this.#world.proxies[round % 2];
    const wasKilled = round % 4 >= 2;
    for (let step = 0; step < CHANGES_PER_ROUND; step += 1) await this.#change();
    if (wasKilled) {
      await systemClock.sleep(this.#random.below(200));
      await proxy.stop('SIGKILL');
      for (let step = 0; step < CHANGES_PER_ROUND; step += 1) await this.#change();
      proxy.start();
    }
    const fromScratch = await this.#fromScratch(node);
    return { round, node, wasKilled, stepByStep: await kernelState(this.#input.mode, node), fromScratch };
  }

  async #change(): Promise<void> {
    await this.#world.cluster.write(...this.#changes.next());
    const pods: ServerPod[] = ['pod-1', ...this.#random.some(['pod-2', 'pod-3'] as const)];
    await this.#world.cluster.put(...steadyObjects(STEADY, pods));
  }

  /** Settles everyone; the scratch proxy has seen nothing but the end. */
  async #fromScratch(node: NodeName): Promise<KernelState> {
    const { mode } = this.#input;
    await check(at(SCRATCH, 'nft', 'flush', 'ruleset'));
    this.#scratch.startAs(node);
    await this.#world.settle([this.#scratch]);
    const state = await kernelState(mode, SCRATCH);
    await this.#scratch.stop('SIGKILL');
    return state;
  }
}

await answer<HistoryInput, HistoryOutput>(async (input) => {
  const world = await World.build(input);
  await world.cluster.put(...steadyObjects(STEADY, ['pod-1']), ...steadyObjects(UNTOUCHED, ['pod-2', 'pod-3']));
  for (const proxy of world.proxies) proxy.start();
  await world.settle();
  const probes = new Map<string, Probe>();
  for (const number of [STEADY, UNTOUCHED]) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      for (const [from, to] of [
        ['client-1', 'cluster IP'],
        ['client-2', 'load balancer via node-2'],
        ['internet', 'node port of node-1'],
      ] as const) {
        probes.set(`${steadyName(number)}, ${from} → ${to}, ${family}`, probe(world, number, from, to, family));
      }
    }
  }
  const history = new History(world, input);
  const comparisons: Comparison[] = [];
  for (let round = 0; round < input.rounds; round += 1) comparisons.push(await history.round(round));
  let connections = 0;
  const failures: string[] = [];
  for (const [name, one] of probes) {
    const answers = await one.stop();
    connections += answers.length;
    for (const { error, ms, retransmits } of answers) {
      if (error) failures.push(`${name}: ${error}`);
      else if (retransmits > 0 && ms > RESENT_MS) failures.push(`${name}: first packet lost, answered after ${ms} ms`);
    }
  }
  return { comparisons, connections, failures };
});
