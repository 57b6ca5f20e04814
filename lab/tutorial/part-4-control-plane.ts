// Part 4: The Control Plane: how a Service comes to be, and what happens when a pod dies.
import type { Endpoints, Pod, Service } from '../../api/types/core.v1.ts';
import { claim, SlowError } from './claim.ts';
import { firstAnswers, lastFailures } from './prober.ts';
import type { Scene } from './scene.ts';
import type { Part } from './step.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
/** The text's own figures, ms. */
const LIVE_MS = 40;
const REROUTED_MS = 350;
const ROUNDS = 9;

export const controlPlane: Part = {
  title: 'Part 4: The Control Plane',
  steps: [
    {
      claim: 'The API server stores the Service and allocates its ClusterIP: no routing yet, no pod IPs known',
      async prove(scene) {
        await scene.kubectl('create service clusterip backend --tcp=80:8080');
        const { spec } = await scene.object<Service>('service backend');
        claim(spec?.clusterIP?.startsWith('10.96.') ?? false, `clusterIP is ${spec?.clusterIP}`);
        claim(spec?.selector?.app === 'backend' && spec.ports?.[0].targetPort === 8080, JSON.stringify(spec));
        claim((await scene.endpoints('backend')).length === 0, 'it has endpoints');
        const said = await scene.reply('node-1', `http://${spec!.clusterIP}`);
        claim(typeof said === 'string', 'somebody answers');
        return `${spec!.clusterIP}, no endpoints; ${said}`;
      },
    },
    {
      claim:
        'The Endpoints controller finds the pods that the selector matches; the object has the Service’s name and the target port',
      async prove(scene) {
        await scene.deploy('backend', 3);
        await scene.waitForEndpoints('backend', 3);
        const { items } = await scene.object<{ items: Pod[] }>('pods -l app=backend');
        await scene.kubectl('get pods -l app=backend -o wide');
        const found = await scene.eventually(
          () => scene.object<Endpoints>('endpoints backend'),
          ({ subsets }) => subsets?.[0]?.addresses?.length === 3,
        );
        const [{ addresses, ports }] = found.subsets!;
        const wanted = items.map(({ status }) => status?.podIP).sort();
        claim(
          addresses!
            .map(({ ip }) => ip)
            .sort()
            .join() === wanted.join(),
          JSON.stringify(addresses),
        );
        claim(ports?.[0].port === 8080, JSON.stringify(ports));
        return (await scene.kubectl('get endpoints backend')).replace(/^Warning.*\n/, '');
      },
    },
    {
      claim:
        'kube-proxy programs the rules of every node: the Service’s address leads to the pods by DNAT, each with its share',
      prove: rulesOf,
    },
    {
      claim: 'kube-proxy does not sit in the packet path: with it halted, packets still flow',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        // One process is node agent and kube-proxy of a node; SIGSTOP takes its CPU away, the kernel keeps its rules.
        const [pid] = (await scene.exec('node-1', ['pgrep', '-f', 'machine.*--node-name=node-1'])).stdout.split('\n');
        await scene.at('node-1', 'kill', '-STOP', pid);
        try {
          const seen = await scene.hits('node-1', `http://${address}`, 30);
          claim(seen.length === 30, `${seen.length} of 30 requests were answered`);
          return '30 of 30 requests were answered while it was stopped';
        } finally {
          await scene.at('node-1', 'kill', '-CONT', pid);
        }
      },
    },
    {
      claim: 'The random choice is even: 33/33/33',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const seen = await scene.hits('node-2', `http://${address}`, 600);
        claim(seen.length === 600, `${seen.length} of 600 requests were answered`);
        const shares = new Map<string, number>();
        for (const { pod } of seen) shares.set(pod, (shares.get(pod) ?? 0) + 1 / 6);
        const text = [...shares].map(([pod, percent]) => `${pod} ${percent.toFixed(1)} %`).join(', ');
        claim(shares.size === 3 && [...shares.values()].every((percent) => Math.abs(percent - 100 / 3) < 8), text);
        return text;
      },
    },
    {
      claim: `From \`kubectl create service\` to a live address on all nodes: about ${LIVE_MS} ms`,
      async prove(scene) {
        const rounds: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const host = `10.96.77.${round + 1}`;
          // The clock starts when the request is sent: kubectl itself takes longer than everything else.
          const created = (): Promise<number> => scene.createService(`timed-${round}`, 'backend', host);
          const times = await firstAnswers(scene, NODES, { host, port: 80 }, created);
          rounds.push(Math.max(...times));
          await scene.ask(`delete service timed-${round}`);
        }
        const median = rounds.sort((a, b) => a - b)[(ROUNDS - 1) / 2];
        if (median > LIVE_MS) throw new SlowError(`${median.toFixed(0)} ms on this machine (median of ${ROUNDS})`);
        return `${median.toFixed(0)} ms until the last of three nodes served it (median of ${ROUNDS})`;
      },
    },
    {
      claim: `From a pod's death to routing without it: about ${REROUTED_MS} ms; new requests go to the others`,
      async prove(scene) {
        const host = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const [pod] = await scene.pods('backend');
        const seen = await lastFailures(scene, [...NODES], { host, port: 80 }, () => scene.killPod(pod));
        const latest = Math.max(...seen.map(({ lateMs }) => lateMs));
        const sent = seen.reduce((sum, one) => sum + one.sent, 0);
        await scene.waitForEndpoints('backend', 3);
        if (latest > REROUTED_MS) throw new SlowError(`on this machine a request failed ${latest.toFixed(0)} ms after`);
        return latest === 0
          ? `none of ${sent} requests failed`
          : `of ${sent} requests none failed later than ${latest.toFixed(0)} ms after`;
      },
    },
  ],
};

async function rulesOf(scene: Scene): Promise<string> {
  const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
  if (scene.proxyMode === 'nftables') {
    const map = await scene.at(
      'node-1',
      'nft',
      'get',
      'element',
      'ip',
      'vitrine-proxy',
      'service-ips',
      `{ ${address} . tcp . 80 }`,
    );
    const element = /\{ (\S+ \. tcp \. 80 : .*?) \}/.exec(map.replace(/\s+/g, ' '))?.[1];
    claim(element?.includes('endpoints-3') ?? false, map);
    return element!;
  }
  const rules = (await scene.at('node-1', 'iptables-save', '-t', 'nat')).split('\n');
  const entry = rules.find((rule) => rule.startsWith('-A KUBE-SERVICES') && rule.includes(`-d ${address}/32`));
  const chain = /-j (KUBE-SVC-\S+)/.exec(entry ?? '')?.[1];
  claim(chain !== undefined, `no KUBE-SERVICES rule for ${address}`);
  const choices = rules.filter((rule) => rule.startsWith(`-A ${chain}`) && rule.includes('KUBE-SEP-'));
  const shares = choices.map((rule) => /--probability ([\d.]+)/.exec(rule)?.[1] ?? 'the rest');
  claim(shares.map((share) => share.slice(0, 4)).join() === '0.33,0.50,the ', shares.join());
  const targets = choices.map((rule) => /-j (KUBE-SEP-\S+)/.exec(rule)![1]);
  const dnat = targets.map((target) => rules.find((rule) => rule.startsWith(`-A ${target}`) && rule.includes('DNAT')));
  const endpoints = dnat.map((rule) => /--to-destination (\S+)/.exec(rule ?? '')?.[1]);
  const wanted = (await scene.endpoints('backend')).map((ip) => `${ip}:8080`);
  claim([...endpoints].sort().join() === [...wanted].sort().join(), `${endpoints.join()} instead of ${wanted.join()}`);
  return [`KUBE-SERVICES → ${chain}`, ...endpoints.map((to, i) => `  ${shares[i]} → ${targets[i]} → ${to}`)].join('\n');
}
