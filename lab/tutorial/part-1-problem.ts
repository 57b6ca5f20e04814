// Part 1: The Problem.

import { claim } from './claim.ts';
import { tally } from './scene.ts';
import type { Part } from './step.ts';

export const problem: Part = {
  title: 'Part 1: The Problem',
  steps: [
    {
      claim: 'Pod IPs are ephemeral: the pod that replaces another has a different address',
      async prove(scene) {
        await scene.deploy('api', 1);
        await scene.ask('create service clusterip api --tcp=80:8080');
        const [before] = await scene.waitForEndpoints('api', 1);
        const [pod] = await scene.pods('api');
        await scene.kubectl(`delete pod ${pod}`);
        const [after] = await scene.eventually(
          () => scene.endpoints('api'),
          (now) => now.length === 1 && now[0] !== before,
        );
        const old = await scene.reply('node-1', `http://${before}:8080`);
        claim(typeof old === 'string', `${before} still answers`);
        return `${before} is gone (${old}); the new pod has ${after}`;
      },
    },
    {
      claim: 'A Service has a stable address, whatever happens to the pods behind it',
      async prove(scene) {
        const address = await scene.ask('get service api -o jsonpath={.spec.clusterIP}');
        const [first] = await scene.eventually(
          () => scene.answers('node-1', `http://${address}`, 1),
          (seen) => seen.length === 1,
        );
        await scene.kubectl('scale deployment api --replicas=0');
        await scene.waitForEndpoints('api', 0);
        await scene.kubectl('scale deployment api --replicas=1');
        const [second] = await scene.eventually(
          () => scene.answers('node-1', `http://${address}`, 1),
          (seen) => seen.length === 1,
        );
        const still = await scene.ask('get service api -o jsonpath={.spec.clusterIP}');
        claim(still === address && first.pod !== second.pod, `${address} became ${still}, ${first.pod} ${second.pod}`);
        return `${address} was answered by ${first.pod}, and is now by ${second.pod}`;
      },
    },
    {
      claim: 'Which of five replicas should a client call? All of them, with load balancing',
      async prove(scene) {
        await scene.kubectl('scale deployment api --replicas=5');
        await scene.waitForEndpoints('api', 5);
        const address = await scene.ask('get service api -o jsonpath={.spec.clusterIP}');
        const seen = await scene.eventually(
          () => scene.answers('node-1', `http://${address}`, 60),
          (answers) => tally(answers.map(({ pod }) => pod)).size === 5,
        );
        return `60 requests reached ${tally(seen.map(({ pod }) => pod)).size} pods`;
      },
    },
    {
      claim: 'Pods have internal addresses that are not routable from the internet',
      async prove(scene) {
        const [pod] = await scene.endpoints('api');
        const said = await scene.reply('internet', `http://${pod}:8080`);
        claim(typeof said === 'string', `${pod} answered the internet`);
        await scene.ask('delete service,deployment api');
        return said;
      },
    },
  ],
};
