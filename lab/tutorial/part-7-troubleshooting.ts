// Part 7: Troubleshooting: the commands of the text do what it says.
import { claim } from './claim.ts';
import type { Part } from './step.ts';

/** Rows of what kubectl printed that contain all of `words`. */
function rows(said: string, ...words: string[]): string {
  const found = said.split('\n').filter((line) => words.every((word) => line.includes(word)));
  claim(found.length > 0, `no row with ${words.join(' and ')} in:\n${said}`);
  return found.join('\n');
}

export const troubleshooting: Part = {
  title: 'Part 7: Troubleshooting',
  steps: [
    {
      claim: 'Check DNS from a pod made for it',
      async prove(scene) {
        const address = await scene.ask('get service backend -o jsonpath={.spec.clusterIP}');
        const said = await scene.kubectl(
          'run test --image=busybox -i --rm --restart=Never -- nslookup backend.default.svc.cluster.local',
        );
        return rows(said, address);
      },
    },
    {
      claim: 'Check endpoints: none when labels do not match the selector',
      async prove(scene) {
        const there = await scene.kubectl('get endpoints backend');
        await scene.kubectl('get pods --show-labels');
        await scene.kubectl('set selector service backend app=nobody');
        await scene.waitForEndpoints('backend', 0);
        const none = await scene.eventually(
          () => scene.ask('get endpoints backend'),
          (said) => said.includes('<none>'),
        );
        await scene.kubectl('set selector service backend app=backend');
        await scene.waitForEndpoints('backend', 3);
        return [rows(there, 'backend', ':8080'), rows(none, '<none>')].join('\n');
      },
    },
    {
      claim: 'Check the Service: selector and endpoints',
      async prove(scene) {
        const said = await scene.kubectl('describe service backend');
        return [rows(said, 'Selector:', 'app=backend'), rows(said, 'Endpoints:', ':8080')].join('\n');
      },
    },
    {
      claim: 'Check the Service’s type and node port',
      async prove(scene) {
        return rows(await scene.kubectl('get svc web-nodeport'), 'NodePort', '80:30080/TCP');
      },
    },
    {
      claim: 'Check kube-proxy: it shows as a pod, with its logs',
      async prove(scene) {
        const listed = rows(await scene.kubectl('-n kube-system get pods'), 'kube-proxy-node-1', 'Running');
        const log = await scene.kubectl('-n kube-system logs kube-proxy-node-1 --tail=1');
        claim(log !== '', 'its log is empty');
        return listed;
      },
    },
    {
      claim: 'Uneven load? Check affinity and that all pods are listed',
      async prove(scene) {
        const affinity = rows(await scene.kubectl('get svc backend -o yaml'), 'sessionAffinity:');
        const endpoints = await scene.endpoints('backend');
        const pods = await scene.pods('backend');
        claim(endpoints.length === pods.length, `${endpoints.length} endpoints of ${pods.length} pods`);
        return `${affinity.trim()}; ${endpoints.length} endpoints of ${pods.length} pods`;
      },
    },
  ],
};
