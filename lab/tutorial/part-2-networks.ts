// Part 2: Networking Fundamentals: the node, pod and service networks.
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { claim, OpenError } from './claim.ts';
import type { Scene } from './scene.ts';
import type { Part } from './step.ts';
import { watchCrossing } from './tunnel.ts';

const NODE_IPS = ['192.168.1.10', '192.168.1.11', '192.168.1.12'];
/** What the outer headers of VXLAN take, bytes: Ethernet 14, IP 20, UDP 8, VXLAN 8. */
const OVERHEAD = 50;

export const networks: Part = {
  title: 'Part 2: Networking Fundamentals',
  steps: [
    {
      claim: 'Node network: three nodes at 192.168.1.10, .11 and .12',
      async prove(scene) {
        const said = await scene.kubectl('get nodes -o wide');
        const { items } = await scene.object<{ items: Node[] }>('nodes');
        const found = items.map(({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address);
        claim(found.join() === NODE_IPS.join(), said);
        return found.join(', ');
      },
    },
    {
      claim: 'Pod network: every node has a pod subnet of its own, so that the IP tells the node',
      async prove(scene) {
        const { items } = await scene.object<{ items: Node[] }>('nodes');
        const shares = items.map(({ metadata, spec }) => `${metadata.name} → ${spec?.podCIDR}`);
        claim(
          shares.join() === 'node-1 → 10.244.1.0/24,node-2 → 10.244.2.0/24,node-3 → 10.244.3.0/24',
          shares.join(', '),
        );
        await scene.deploy('web', 3);
        const { items: pods } = await scene.object<{ items: Pod[] }>('pods -l app=web');
        for (const { spec, status } of pods) {
          const share = `10.244.${spec?.nodeName?.slice('node-'.length)}.`;
          claim(status?.podIP?.startsWith(share) ?? false, `${status?.podIP} runs on ${spec?.nodeName}`);
        }
        return `${shares.join(', ')}; ${pods.map(({ spec, status }) => `${status?.podIP} on ${spec?.nodeName}`).join(', ')}`;
      },
    },
    {
      claim: 'Every node knows the way to every pod subnet: `ip route`',
      prove: (scene) => (scene.podNetwork === 'vxlan' ? waysThroughTunnels(scene) : plainRoutes(scene)),
    },
    {
      claim: 'Between nodes a pod’s packet travels encapsulated (VXLAN): node addresses outside, pod addresses inside',
      prove: encapsulation,
    },
    {
      claim: 'On each node the bridge cni0 has the first address of the subnet: 10.244.1.1',
      async prove(scene) {
        const said = await scene.at('node-1', 'ip', '-brief', 'address', 'show', 'cni0');
        claim(said.includes('10.244.1.1/24'), said);
        return said.replace(/\s+/g, ' ');
      },
    },
    {
      claim: 'A pod reaches a pod on another node directly, from its own address',
      async prove(scene) {
        const { items } = await scene.object<{ items: Pod[] }>('pods -l app=web');
        const [from, to] = items;
        const answer = await scene.reply(`pod/${from.metadata.name}`, `http://${to.status?.podIP}:8080`);
        claim(typeof answer !== 'string', String(answer));
        claim(answer.client.startsWith(`${from.status?.podIP}:`), `the other pod saw ${answer.client}`);
        return `${from.status?.podIP} on ${from.spec?.nodeName} → ${answer.podIP} on ${answer.node}; it saw ${answer.client}`;
      },
    },
    {
      claim: 'Service network: a service IP exists on no interface, and yet it answers',
      async prove(scene) {
        await scene.kubectl('expose deployment web --port=80 --target-port=8080');
        await scene.waitForEndpoints('web', 3);
        const address = await scene.ask('get service web -o jsonpath={.spec.clusterIP}');
        for (const place of ['node-1', 'node-2', 'node-3', 'internet']) {
          const all = (await scene.exec(place, ['ip', 'address'])).stdout;
          claim(!all.includes(address), `${place} has ${address}`);
        }
        const [answer] = await scene.eventually(
          () => scene.answers('node-1', `http://${address}`, 1),
          (seen) => seen.length > 0,
        );
        await scene.ask('delete service,deployment web');
        return `${address} is on no interface of any node; ${answer.pod} answers`;
      },
    },
  ],
};

const toPods = (routes: string): string[] => routes.split('\n').filter((line) => line.startsWith('10.244'));

async function plainRoutes(scene: Scene): Promise<string> {
  const routes = await scene.at('node-1', 'ip', 'route');
  for (const route of ['10.244.1.0/24 dev cni0', '10.244.2.0/24 via 192.168.1.11', '10.244.3.0/24 via 192.168.1.12'])
    claim(routes.includes(route), `no "${route}" in:\n${routes}`);
  return toPods(routes).join('\n');
}

/** As flannel has it: a route leads to the far end of a tunnel, which the text leaves out, and that to the node. */
async function waysThroughTunnels(scene: Scene): Promise<string> {
  const routes = await scene.at('node-1', 'ip', 'route');
  claim(routes.includes('10.244.1.0/24 dev cni0'), routes);
  const neighbours = await scene.at('node-1', 'ip', 'neighbour', 'show', 'dev', 'vxlan0');
  const ends = await scene.at('node-1', 'bridge', 'fdb', 'show', 'dev', 'vxlan0');
  for (const [index, nodeIP] of [...NODE_IPS.entries()].slice(1)) {
    const network = `10.244.${index + 1}.0`;
    claim(routes.includes(`${network}/24 via ${network} dev vxlan0 onlink`), `no way to ${network} in:\n${routes}`);
    const mac = new RegExp(`^${network} lladdr (\\S+)`, 'm').exec(neighbours)?.[1];
    claim(
      mac !== undefined && ends.includes(`${mac} dst ${nodeIP}`),
      `${network} does not lead to ${nodeIP}:\n${ends}`,
    );
  }
  const shown = toPods(routes).map((route) => {
    const [, index] = /^10\.244\.(\d)\.0\/24 via/.exec(route) ?? [];
    return index ? `${route.trim()}: the tunnel to ${NODE_IPS[Number(index) - 1]}` : route.trim();
  });
  return shown.join('\n');
}

async function encapsulation(scene: Scene): Promise<string> {
  if (scene.podNetwork !== 'vxlan')
    throw new OpenError('here nodes route pods’ packets as they are; vitrine tutorial --pod-network vxlan proves it');
  const { items } = await scene.object<{ items: Pod[] }>('pods -l app=web');
  const [from, to] = items;
  const [fromIP, toIP] = [from, to].map(({ spec }) => NODE_IPS[Number(spec!.nodeName!.slice('node-'.length)) - 1]);
  const [source, target] = [from.status!.podIP!, to.status!.podIP!];
  const way = { from: from.spec!.nodeName!, fromIP, toIP, source, target };
  const { inside, bare } = await watchCrossing(scene, way, async () => {
    await scene.hits(`pod/${from.metadata.name}`, `http://${target}:8080`);
  });
  claim(inside > 0 && bare === 0, `${inside} packets ${source} → ${target} were inside another, ${bare} were not`);
  const mtu = async (place: string): Promise<number> =>
    Number(/ mtu (\d+) /.exec((await scene.exec(place, ['ip', 'link', 'show', 'eth0'])).stdout)?.[1]);
  const [ofPod, ofNode] = [await mtu(`pod/${from.metadata.name}`), await mtu(way.from)];
  claim(ofNode - ofPod === OVERHEAD, `the MTU of a pod is ${ofPod}, of its node ${ofNode}`);
  return [
    `${inside} packets, outer ${fromIP} → ${toIP}, UDP 4789, inner ${source} → ${target}; none as it is`,
    `room for the outer headers: a pod’s MTU is ${ofPod}, its node’s ${ofNode}`,
  ].join('\n');
}
