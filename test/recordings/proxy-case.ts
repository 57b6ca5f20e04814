// Runs one recorded case of kube-proxy inside its own network namespace: sets up its interfaces and preloaded rules, feeds
// its objects, and answers with the rules after each step.
import { networkInterfaces } from 'node:os';
import type { KubeObject } from '../../api/object.ts';
import { keyOf } from '../../api/object.ts';
import type { Node, Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { check } from '../../host/exec.ts';
import { EndpointSliceTracker } from '../../proxy/changes/endpoint-slices.ts';
import { ServiceTracker } from '../../proxy/changes/services.ts';
import { IptablesBackend } from '../../proxy/iptables/backend.ts';
import { PlanMaker } from '../../proxy/make-plan.ts';
import { nodeFacts, type ProxyOptions } from '../../proxy/node-facts.ts';
import type { DetectLocal, IPFamily } from '../../proxy/plan.ts';
import { answer, shell } from '../network.ts';

export interface RecordedConfig {
  nodeName: string;
  clusterCIDR: string;
  detectLocalMode: string;
  detectLocal?: { bridgeInterface?: string; interfaceNamePrefix?: string };
  nodePortAddresses: string[];
  masqueradeAll: boolean;
  masqueradeBit: number;
  localhostNodePorts: boolean;
  interfaces: { name: string; addresses: string[] }[];
}

export interface RecordedStep {
  apply?: KubeObject[];
  delete?: { kind: string; namespace?: string; name: string }[];
  run?: string[];
}

export interface CaseInput {
  config: RecordedConfig;
  preload: string[];
  objects: KubeObject[];
  steps: RecordedStep[];
}

/** One text of iptables-save and of ip6tables-save per state: after the objects, then after each step. */
export type CaseOutput = { iptablesSave: string; ip6tablesSave: string }[];

class Replay {
  readonly #services = new ServiceTracker();
  readonly #slices = new EndpointSliceTracker();
  readonly #families = (['IPv4', 'IPv6'] as const).map((family) => ({
    family,
    maker: new PlanMaker(family, this.#services, this.#slices),
    backend: new IptablesBackend({ family }),
  }));
  readonly #options: ProxyOptions;
  #node: Node | undefined;

  constructor(config: RecordedConfig) {
    this.#options = {
      nodeName: config.nodeName,
      clusterCIDRs: config.clusterCIDR.split(',').filter(Boolean),
      detectLocalMode: config.detectLocalMode as DetectLocal['mode'],
      bridgeInterface: config.detectLocal?.bridgeInterface,
      interfaceNamePrefix: config.detectLocal?.interfaceNamePrefix,
      nodePortAddresses: config.nodePortAddresses,
      masqueradeAll: config.masqueradeAll,
      masqueradeBit: config.masqueradeBit,
      localhostNodePorts: config.localhostNodePorts,
    };
  }

  apply(object: KubeObject): void {
    if (object.kind === 'Node' && object.metadata.name === this.#options.nodeName) this.#node = object as Node;
    if (object.kind === 'Service') this.#services.set(object as Service);
    if (object.kind === 'EndpointSlice') this.#slices.set(object as EndpointSlice);
  }

  delete(kind: string, key: string): void {
    if (kind === 'Service') this.#services.delete(key);
    if (kind === 'EndpointSlice') this.#slices.delete(key);
  }

  async sync(how: 'incremental' | 'full'): Promise<void> {
    const keys = [...this.#services.take(), ...this.#slices.take()];
    for (const { family, maker, backend } of this.#families) {
      const { plan, changed } = maker.update(this.#facts(family), keys);
      await backend.sync(plan, how === 'full' ? undefined : changed);
    }
  }

  #facts(family: IPFamily): ReturnType<typeof nodeFacts> {
    return nodeFacts(family, this.#options, this.#node, networkInterfaces());
  }
}

async function setUp({ config, preload }: CaseInput): Promise<void> {
  for (const { name, addresses } of config.interfaces.filter((one) => one.name !== 'lo')) {
    await shell(
      `ip link add ${name} type veth peer name ${name}-far; ip link set ${name} up; ip link set ${name}-far up`,
    );
    for (const address of addresses) {
      await check(['ip', 'address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : [])]);
    }
  }
  if (preload.length > 0) await check(['iptables-restore'], { input: `${preload.join('\n')}\n` });
}

async function saved(): Promise<CaseOutput[number]> {
  return { iptablesSave: await check(['iptables-save']), ip6tablesSave: await check(['ip6tables-save']) };
}

await answer<CaseInput, CaseOutput>(async (input) => {
  await setUp(input);
  const replay = new Replay(input.config);
  for (const object of input.objects) replay.apply(object);
  await replay.sync('full');
  const states = [await saved()];
  for (const step of input.steps) {
    for (const object of step.apply ?? []) replay.apply(object);
    for (const { kind, namespace, name } of step.delete ?? []) {
      replay.delete(kind, keyOf({ metadata: { namespace, name } }));
    }
    for (const line of step.run ?? []) await shell(line);
    await replay.sync(step.run ? 'full' : 'incremental');
    states.push(await saved());
  }
  return states;
});
