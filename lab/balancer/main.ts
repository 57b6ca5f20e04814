// `vitrine lab balancer`: the cloud's load balancer, in the network namespace between the nodes and the outside.
import * as z from 'zod';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { RestClient } from '../../client/rest.ts';
import { Nft } from '../../host/nft.ts';
import { type Program, program } from '../../host/program.ts';
import { runBalancer } from './balance.ts';

export const balancer: Program = program({
  name: 'lab balancer',
  summary: 'balances Services of type LoadBalancer over the nodes',
  flags: {
    kubeconfig: { type: z.string(), help: 'file that tells where the API server is' },
    outside: {
      type: z
        .string()
        .transform((text) => text.split(','))
        .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()]))),
      help: 'CIDR of the clients whose replies come back this way by themselves, or CIDR,CIDR: of each IP family',
    },
  },
  async run({ kubeconfig, outside }, { signal, log }) {
    const client = new RestClient(await loadKubeconfig(kubeconfig), { userAgent: 'vitrine-balancer' });
    try {
      await runBalancer({ client, nft: new Nft(), outside, log }, signal);
    } finally {
      await client.close();
    }
    return 0;
  },
}) as Program;
