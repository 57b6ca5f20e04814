// In a namespace of its own: the recorded cluster's DNS at 10.96.0.10, port 53, and the resolvers of the machine asking it as a pod does.
import { writeFileSync } from 'node:fs';
import { listenTCP } from '../../dns/listen-tcp.ts';
import { listenUDP } from '../../dns/listen-udp.ts';
import { run } from '../../host/exec.ts';
import { silentLogger } from '../../host/log.ts';
import { answer, shell } from '../network.ts';
import { recorded } from './recorded.ts';

export interface ResolversInput {
  readonly folder: string;
  readonly commands: readonly (readonly string[])[];
}

/** Of each command: its exit code and what it said; undefined where the machine has no such program. */
export type ResolversOutput = ({ exitCode: number; stdout: string } | null)[];

const RESOLV_CONF = `search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`;

await answer<ResolversInput, ResolversOutput>(async ({ folder, commands }) => {
  await shell('ip addr add 10.96.0.10/32 dev lo; ip addr add fd00:10:244::1/128 dev lo nodad');
  writeFileSync('/run/resolv.conf', RESOLV_CONF);
  await shell('mount --bind /run/resolv.conf /etc/resolv.conf');
  const listen = {
    address: { host: '10.96.0.10', port: 53 },
    responder: recorded(folder).responder,
    log: silentLogger,
  };
  const stop = new AbortController();
  await listenUDP(listen, stop.signal);
  await listenTCP(listen, stop.signal);
  const results: ResolversOutput = [];
  for (const command of commands) {
    const { exitCode, stdout } = await run(command).catch(() => ({ exitCode: 127, stdout: '' }));
    results.push(exitCode === 127 ? null : { exitCode, stdout });
  }
  stop.abort();
  return results;
});
