// Part 2: Networking Fundamentals: the node, pod and service networks.
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { claim } from './claim.ts';
import type { Part } from './step.ts';

export const networks: Part = {
  title: 'Part 2: Networking Fundamentals',
  steps: [
    {
      claim: 'Node network: three nodes at 192.168.1.10, .11 and .12',
      async prove(scene) {
        const said = await scene.kubectl('get nodes -o wide');
        const { items } = await scene.object<{ items: Node[] }>('nodes');
        const found = items.map(({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address);
        claim(found.join() === '192.168.1.10,192.168.1.11,192.168.1.12', said);
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
      async prove(scene) {
        const routes = await scene.at('node-1', 'ip', 'route');
        for (const route of [
          '10.244.1.0/24 dev cni0',
          '10.244.2.0/24 via 192.168.1.11',
          '10.244.3.0/24 via 192.168.1.12',
        ]) {
          claim(routes.includes(route), `no "${route}" in:\n${routes}`);
        }
        return routes
          .split('\n')
          .filter((line) => line.startsWith('10.244'))
          .join('\n');
      },
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
