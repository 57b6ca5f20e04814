// Part 6: Advanced Topics: modes, affinity, traffic policies.

import { claim, OpenError } from './claim.ts';
import { tally, tallyText } from './scene.ts';
import type { Part } from './step.ts';

const CLIENT = '203.0.113.100';

const open = (why: string) => async (): Promise<string> => {
  throw new OpenError(why);
};

export const advanced: Part = {
  title: 'Part 6: Advanced Topics',
  steps: [
    { claim: 'IPVS mode: O(1) lookup, more ways to balance', prove: open('there is no IPVS backend yet') },
    { claim: 'eBPF mode', prove: open('there is no eBPF backend yet') },
    {
      claim: 'Session affinity: requests of one client go to one pod',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const affinity =
          '{"spec":{"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}}}}';
        await scene.kubectl(`patch service backend -p ${affinity}`);
        const seen = await scene.eventually(
          () => scene.answers('node-3', `http://${address}`, 20),
          (answers) => answers.length === 20 && tally(answers.map(({ pod }) => pod)).size === 1,
        );
        const timeout = await scene.ask(
          'get service backend -o jsonpath={.spec.sessionAffinityConfig.clientIP.timeoutSeconds}',
        );
        claim(timeout === '10800', `the timeout is ${timeout} s`);
        const rules =
          scene.proxyMode === 'iptables'
            ? (await scene.at('node-3', 'iptables-save', '-t', 'nat'))
                .split('\n')
                .filter((rule) => rule.includes('-m recent'))
            : [];
        claim(scene.proxyMode === 'nftables' || rules.length > 0, 'no rule uses the module recent');
        await scene.ask('patch service backend -p {"spec":{"sessionAffinity":"None"}}');
        return [
          `20 of 20 requests went to ${seen[0].pod}, for ${timeout} s from the last one`,
          ...rules.slice(0, 1),
        ].join('\n');
      },
    },
    {
      claim: 'externalTrafficPolicy Cluster: any pod may answer, and sees the node instead of the client',
      async prove(scene) {
        const seen = await scene.hits('internet', 'http://192.168.1.10:30080', 30);
        const clients = new Set(seen.map(({ client }) => client.split(':')[0]));
        claim(!clients.has(CLIENT), `a pod saw ${CLIENT}`);
        claim(tally(seen.map(({ node }) => node)).size > 1, 'only one node answered');
        return `answered by ${tallyText(seen.map(({ node }) => node))}; the pods saw ${[...clients].join(', ')}`;
      },
    },
    {
      claim: 'externalTrafficPolicy Local: only pods of the node that was asked answer, and see the client itself',
      async prove(scene) {
        await scene.kubectl('patch service web-nodeport -p {"spec":{"externalTrafficPolicy":"Local"}}');
        const seen = await scene.eventually(
          () => scene.answers('internet', 'http://192.168.1.10:30080', 12),
          (answers) => answers.length === 12 && answers.every(({ client }) => client.startsWith(`${CLIENT}:`)),
        );
        claim(
          seen.every(({ node }) => node === 'node-1'),
          tallyText(seen.map(({ node }) => node)),
        );
        return `answered by ${tallyText(seen.map(({ node }) => node))}; the pods saw ${CLIENT}`;
      },
    },
    {
      claim: 'Local, its price: a node without a pod answers nobody, and the balancer leaves it out',
      async prove(scene) {
        await scene.kubectl('scale deployment web --replicas=1');
        await scene.waitForEndpoints('web', 1);
        // Pods that are still ending answer for their node, where no other does.
        const home = await scene.eventually(
          () => scene.ask('get pods -l app=web -o jsonpath={.items[*].spec.nodeName}'),
          (nodes) => !nodes.includes(' '),
        );
        await scene.kubectl('patch service web-lb -p {"spec":{"externalTrafficPolicy":"Local"}}');
        const seen = await scene.eventually(
          () => scene.answers('internet', 'http://52.1.2.3', 12),
          (answers) => answers.length === 12 && answers.every(({ client }) => client.startsWith(`${CLIENT}:`)),
        );
        const nodes = ['192.168.1.10', '192.168.1.11', '192.168.1.12'];
        const others = nodes.filter((_, i) => `node-${i + 1}` !== home);
        const silent = await scene.reply('internet', `http://${others[0]}:30080`);
        claim(typeof silent === 'string', `${others[0]} answers, though its pods are gone`);
        return `${others[0]}: ${silent}; 52.1.2.3 is answered by ${seen[0].pod} on ${home}, which sees ${CLIENT}`;
      },
    },
  ],
};
