// Kernel settings the proxy needs, set where it may; a refusal is told once and not fatal, for the machine may have them set.
import { readFile, writeFile } from 'node:fs/promises';
import type { Logger } from '../host/log.ts';

/** Node ports on 127.0.0.1 need packets from loopback to leave it. */
export const ROUTE_LOCALNET = 'net/ipv4/conf/all/route_localnet';

export async function setSysctl(name: string, value: string, log: Logger): Promise<void> {
  const file = `/proc/sys/${name}`;
  try {
    if ((await readFile(file, 'utf8')).trim() === value) return;
    await writeFile(file, value);
  } catch (error) {
    log.warn({ sysctl: name, value, error: (error as Error).message }, 'this sysctl could not be set');
  }
}
