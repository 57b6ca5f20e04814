// What the lab says to the person in front of it: plain lines on standard output.
import type { IPFamilies } from './addresses.ts';

/** Writes one line. A terminal that is gone is no reason to fail: the lab ends, or goes on, without an audience. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Call once before the first `say` of a process that may outlive its terminal. */
export function tolerateLostTerminal(): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}

/** `  0.31 s`: since `startedAt`, ms since the epoch. */
export function elapsed(startedAt: number, now = Date.now()): string {
  return `${((now - startedAt) / 1000).toFixed(2).padStart(6)} s`;
}

/** Of this machine, `19:55:03`. */
export function clockTime(now = new Date()): string {
  return now.toTimeString().slice(0, 8);
}

export interface Greeting {
  /** How the user calls us: `bin/vitrine`. */
  vitrine: string;
  /** As the user would type it. */
  kubeconfig: string;
  /** ` --dir DIR` when it is not the default. */
  dirFlag: string;
  proxyMode: 'iptables' | 'nftables';
  ipFamilies: IPFamilies;
  detached: boolean;
}

/** How to go on: kubeconfig, three things to try, how to stop. */
export function greeting({ vitrine, kubeconfig, dirFlag, proxyMode, ipFamilies, detached }: Greeting): string {
  const exec = `${vitrine} exec${dirFlag}`;
  const isIPv6 = ipFamilies === 'ipv6';
  const rules = proxyMode === 'iptables' ? `${isIPv6 ? 'ip6tables' : 'iptables'}-save -t nat` : 'nft list ruleset';
  const address = "$(kubectl get service backend -o jsonpath='{.spec.clusterIP}')";
  const url = isIPv6 ? `http://[${address}]` : `http://${address}`;
  const stop = `${vitrine} lab down${dirFlag}`;
  return `
In a second terminal:
  export KUBECONFIG=${kubeconfig}

Three things to try:
  kubectl create deployment backend --image=echo --replicas=3 && kubectl expose deployment backend --port=80 --target-port=8080
  ${exec} node-1 -- curl -s ${url}
  ${exec} node-1 -- ${rules}

To stop: ${detached ? stop : `Ctrl-C here, or ${stop}`}. What you made stays in the lab's directory for the next start.
`;
}
