// DNS servers under test: ours from the build, and CoreDNS, whose program the variable COREDNS names.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { end, VITRINE } from './server.ts';

export interface DnsServer {
  readonly child: ChildProcess;
  /** Of 127.0.0.1. */
  readonly port: number;
  /** ms from starting the process until it answers. */
  readonly startMs: number;
}

/** ms between two questions for a name that is not there yet. */
const ASK_EVERY = 1;

export async function startDns(kubeconfig: string): Promise<DnsServer> {
  const began = performance.now();
  const argv = [VITRINE, 'dns', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /^answering at 127\.0\.0\.1:(\d+)$/.exec(line) ?? [];
    if (port) return { child, port: Number(port), startMs: performance.now() - began };
  }
  throw new Error('the DNS server ended before it answered');
}

/** As kubeadm configures it, but for what concerns other names than the cluster's. `name` is one that it will know. */
export async function startCoreDns(
  program: string,
  { kubeconfig, name, scratch }: { kubeconfig: string; name: string; scratch: string },
): Promise<DnsServer> {
  const port = await freePort();
  const corefile = join(scratch, 'Corefile');
  await writeFile(corefile, COREFILE(port, kubeconfig));
  const began = performance.now();
  const child = spawn(program, ['-conf', corefile], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`CoreDNS ended with ${code}`)));
  try {
    const answered = await Promise.race([resolves(port, name), ended]);
    return { child, port, startMs: answered - began };
  } catch (error) {
    await end(child);
    throw error;
  }
}

const COREFILE = (port: number, kubeconfig: string): string => `.:${port} {
  bind 127.0.0.1
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    ttl 30
  }
  cache 30
  loadbalance
}
`;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Asks every ms until the name has an address; its time, performance.now(). */
export function resolves(port: number, name: string): Promise<number> {
  const labels = name.split('.').map((label) => `${String.fromCharCode(label.length)}${label}`);
  const packet = Buffer.from(`\0\0\x01\0\0\x01\0\0\0\0\0\0${labels.join('')}\0\0\x01\0\x01`, 'latin1');
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const asking = setInterval(() => socket.send(packet, port, '127.0.0.1'), ASK_EVERY);
    socket.on('error', () => {}); // nobody listens yet
    socket.on('message', (reply) => {
      if ((reply[3] & 15) !== 0 || reply.readUInt16BE(6) === 0) return;
      clearInterval(asking);
      socket.close();
      resolve(performance.now());
    });
  });
}
