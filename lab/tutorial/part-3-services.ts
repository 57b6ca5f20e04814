// Part 3: Services, the high-level view: the four types.
import type { Service } from '../../api/types/core.v1.ts';
import { claim } from './claim.ts';
import type { Part } from './step.ts';

const NODES = ['192.168.1.10', '192.168.1.11', '192.168.1.12'];

export const services: Part = {
  title: 'Part 3: Services',
  steps: [
    {
      claim: 'A Service is not a pod, not a container and not a process: it runs nowhere',
      async prove(scene) {
        const count = async (): Promise<string> =>
          (await scene.exec('node-1', ['sh', '-c', 'ls -d /proc/[0-9]*'])).stdout;
        const pods = new Set((await scene.ask('get pods -A -o name')).split('\n'));
        const before = (await count()).split('\n').length;
        await scene.kubectl('create service clusterip nothing --tcp=80:8080');
        const now = (await scene.ask('get pods -A -o name')).split('\n');
        claim(
          now.every((pod) => pods.has(pod)),
          'a pod appeared',
        );
        const after = (await count()).split('\n').length;
        await scene.ask('delete service nothing');
        return `${before} processes in the lab before, ${after} after; no pod appeared`;
      },
    },
    {
      claim: 'ClusterIP (the default): reachable inside the cluster only',
      async prove(scene) {
        await scene.deploy('web', 3);
        await scene.kubectl('expose deployment web --port=80 --target-port=8080');
        await scene.waitForEndpoints('web', 3);
        const address = await scene.ask('get service web -o jsonpath={.spec.clusterIP}');
        const [pod] = await scene.pods('web');
        const inside = await scene.eventually(
          () => scene.answers(`pod/${pod}`, `http://${address}`, 1),
          (seen) => seen.length > 0,
        );
        const outside = await scene.reply('internet', `http://${address}`);
        claim(typeof outside === 'string', `${address} answered the internet`);
        return `pod/${pod} is answered by ${inside[0].pod}; internet: ${outside}`;
      },
    },
    {
      claim: 'NodePort: any node answers at the port, which lies in 30000–32767',
      async prove(scene) {
        await scene.kubectl('apply -f -', nodePortService);
        const seen = [];
        for (const node of NODES) {
          const answer = await scene.eventually(
            () => scene.answers('internet', `http://${node}:30080`, 1),
            (found) => found.length > 0,
          );
          seen.push(`${node}:30080 → ${answer[0].pod}`);
        }
        const outOfRange = await scene
          .ask('create service nodeport far --tcp=80:8080 --node-port=29999')
          .catch((error: Error) => error.message);
        claim(outOfRange.includes('valid ports is 30000-32767'), outOfRange);
        return `${seen.join(', ')}; 29999 is refused`;
      },
    },
    {
      claim: 'LoadBalancer: reachable from the internet at the public IP of a cloud load balancer, 52.1.2.3',
      async prove(scene) {
        await scene.kubectl('expose deployment web --name=web-lb --type=LoadBalancer --port=80 --target-port=8080');
        const address = await scene.eventually(
          () => scene.ask('get service web-lb -o jsonpath={.status.loadBalancer.ingress[0].ip}'),
          (ip) => ip !== '',
        );
        claim(address === '52.1.2.3', `the address is ${address}`);
        const [answer] = await scene.eventually(
          () => scene.answers('internet', `http://${address}`, 1),
          (found) => found.length > 0,
        );
        return `http://${address} is answered by ${answer.pod} on ${answer.node}`;
      },
    },
    {
      claim: 'ExternalName: an alias in DNS, and nothing else',
      async prove(scene) {
        await scene.kubectl('create service externalname external-db --external-name=db.external.com');
        const { spec } = await scene.object<Service>('service external-db');
        claim(!spec?.clusterIP, `it has the address ${spec?.clusterIP}`);
        const [pod] = await scene.pods('web');
        const name = 'external-db.default.svc.cluster.local';
        const said = await scene.eventually(
          async () => (await scene.exec(`pod/${pod}`, ['busybox', 'nslookup', '-type=cname', name])).stdout,
          (text) => text.includes('canonical name'),
        );
        return said
          .split('\n')
          .find((line) => line.includes('canonical name'))!
          .trim();
      },
    },
  ],
};

const nodePortService = `
apiVersion: v1
kind: Service
metadata:
  name: web-nodeport
spec:
  type: NodePort
  selector:
    app: web
  ports:
  - port: 80
    targetPort: 8080
    nodePort: 30080
`;
