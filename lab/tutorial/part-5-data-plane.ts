// Part 5: The Data Plane: how packets travel.
import type { Pod, Service } from '../../api/types/core.v1.ts';
import { claim } from './claim.ts';
import { type Scene, tallyText } from './scene.ts';
import type { Part } from './step.ts';
import { watchCrossing } from './tunnel.ts';

const CLIENT = '203.0.113.100';

export const dataPlane: Part = {
  title: 'Part 5: The Data Plane',
  steps: [
    {
      claim: 'ClusterIP, 1: DNS resolves backend.default.svc.cluster.local to the Service’s address',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const [pod] = await scene.pods('web');
        const said = await scene.eventually(
          async () =>
            (await scene.exec(`pod/${pod}`, ['busybox', 'nslookup', 'backend.default.svc.cluster.local'])).stdout,
          (text) => text.includes(address),
        );
        return said
          .split('\n')
          .filter((line) => /^(Server|Name|Address)/.test(line))
          .join('\n');
      },
    },
    {
      claim: 'ClusterIP, 2 to 6: the packet’s destination is changed to a pod (DNAT); its source stays the client pod',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const [from] = (await scene.object<{ items: Pod[] }>('pods -l app=web')).items;
        const answer = await scene.reply(`pod/${from.metadata.name}`, `http://${address}`);
        claim(typeof answer !== 'string', String(answer));
        claim(answer.client.startsWith(`${from.status?.podIP}:`), `the pod saw ${answer.client}`);
        return `sent to ${address}:80, it arrived at ${answer.podIP}:8080 from ${answer.client}`;
      },
    },
    {
      claim:
        'ClusterIP, 7: on the way back conntrack reverses it: the client sees an answer from the Service’s address',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const [from] = (await scene.object<{ items: Pod[] }>('pods -l app=web')).items;
        const argv = ['curl', '-s', '-o', '/dev/null', '-w', '%{remote_ip}', `http://${address}`];
        const { stdout: remote } = await scene.exec(`pod/${from.metadata.name}`, argv);
        claim(remote === address, `the client saw ${remote}`);
        const flows = await scene.at(from.spec!.nodeName!, 'conntrack', '-L', '-p', 'tcp', '--orig-dst', address);
        const flow = flows.split('\n').find((line) => line.includes(`src=${from.status?.podIP} dst=${address}`));
        const reply = /src=(10\.244\.\S+) dst=\S+ sport=8080/.exec(flow ?? '')?.[1];
        claim(reply !== undefined, flows);
        return `the client saw ${remote}; conntrack knows that ${reply}:8080 answers`;
      },
    },
    {
      claim: 'NodePort: the internet asks node-1; a pod on another node answers, as if node-1 had',
      async prove(scene) {
        const seen = await scene.hits('internet', 'http://192.168.1.10:30080', 40);
        const elsewhere = seen.find(({ node }) => node !== 'node-1');
        claim(elsewhere !== undefined, `only node-1 answered: ${tallyText(seen.map(({ node }) => node))}`);
        const flows = await scene.at('node-1', 'conntrack', '-L', '-p', 'tcp', '--orig-src', CLIENT);
        const flow = flows
          .split('\n')
          .find((line) => line.includes('dport=30080') && line.includes(`src=${elsewhere.podIP}`));
        claim(flow !== undefined, flows);
        return `${tallyText(seen.map(({ node }) => node))}; node-1: ${CLIENT} → 192.168.1.10:30080 became → ${elsewhere.podIP}:8080`;
      },
    },
    {
      claim: 'NodePort, hop 4: the packet goes through the node network to reach the pod on the other node',
      prove: hopBetweenNodes,
    },
    {
      claim: 'LoadBalancer: the cloud’s balancer chooses a node and sends to its NodePort; the rest is as before',
      async prove(scene) {
        const { spec } = await scene.object<Service>('service web-lb');
        const nodePort = spec!.ports![0].nodePort!;
        const seen = await scene.hits('internet', 'http://52.1.2.3', 60);
        claim(seen.length === 60, `${seen.length} of 60 requests were answered`);
        const entered: string[] = [];
        for (const node of ['node-1', 'node-2', 'node-3']) {
          const flows = (await scene.exec(node, ['conntrack', '-L', '-p', 'tcp', '--orig-src', CLIENT])).stdout;
          const count = flows.split('\n').filter((line) => line.includes(`dport=${nodePort}`)).length;
          claim(count > 0, `nothing entered at ${node}`);
          entered.push(`${node} ${count}`);
        }
        return `52.1.2.3:80 → NODE:${nodePort}; entered at ${entered.join(', ')}; answered by ${tallyText(seen.map(({ pod }) => pod))}`;
      },
    },
  ],
};

async function hopBetweenNodes(scene: Scene): Promise<string> {
  const { items } = await scene.object<{ items: Pod[] }>('pods -l app=web');
  const far = items.find(({ spec }) => spec?.nodeName !== 'node-1')!;
  const [target, index] = [far.status!.podIP!, Number(far.spec!.nodeName!.slice('node-'.length))];
  const toIP = `192.168.1.${9 + index}`;
  const way = { from: 'node-1', fromIP: '192.168.1.10', toIP, source: CLIENT, target };
  const seen = await watchCrossing(scene, way, async () => {
    await scene.hits('internet', 'http://192.168.1.10:30080', 40);
  });
  const isTunnelled = scene.podNetwork === 'vxlan';
  const crossed = isTunnelled ? seen.anySource : seen.bare;
  claim(crossed > 0 && seen.bare > 0 !== isTunnelled, `${seen.anySource} inside others, ${seen.bare} as they are`);
  if (!isTunnelled)
    return `${crossed} packets to ${target} left node-1 for ${far.spec!.nodeName}, by a route of the node network`;
  claim(seen.inside === 0, `${seen.inside} came from ${CLIENT} itself, though the node is to stand in for it`);
  return [
    `${crossed} packets to ${target} left node-1 inside packets 192.168.1.10 → ${toIP}`,
    `their inner source is node-1, not ${CLIENT} as drawn: the text says why in Part 6, externalTrafficPolicy Cluster`,
  ].join('\n');
}
