// Starts `vitrine dns` as a user does, on a free port of loopback, and ends it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { VITRINE } from './apiserver.ts';

export interface DnsProcess {
  readonly pid: number;
  /** `127.0.0.1:PORT`, over UDP and TCP. */
  readonly address: string;
  readonly port: number;
  /** Resolves with its exit code when it ends; null: by a signal. */
  readonly exited: Promise<number | null>;
  /** The end of what it wrote to its standard error. */
  said(): string;
  stop(): Promise<void>;
}

/** Resolves when it answers; rejects with its words when it ends first. */
export async function startDnsProcess(kubeconfig: string, flags: readonly string[] = []): Promise<DnsProcess> {
  const argv = [VITRINE, 'dns', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', ...flags];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-10_000);
  });
  const address = once(createInterface({ input: child.stdout }), 'line').then(([line]) => {
    return /^answering at (\S+)$/.exec(line as string)![1];
  });
  const found = await Promise.race([address, exited.then(() => undefined)]);
  if (!found) throw new Error(`the DNS server did not become ready: ${said}`);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  return { pid: child.pid!, address: found, port: Number(found.split(':')[1]), exited, said: () => said, stop };
}
