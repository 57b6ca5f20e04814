// Where a VXLAN sends frames: its forwarding entries, from link address to the tunnel's far end. `ip` does not know them, `bridge` does.
import { isIP } from 'node:net';
import { check, type Exec } from './exec.ts';

export interface ForwardingEntry {
  /** Link address of the far device. */
  readonly mac: string;
  /** Of the machine that has it. */
  readonly to: string;
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const DEVICE = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,14}$/;

/** Adds or replaces, then removes, all in one run of `bridge`. Rejects on what is no address, and when the kernel refuses one. */
export async function changeForwarding(
  device: string,
  { add, remove }: { readonly add: readonly ForwardingEntry[]; readonly remove: readonly ForwardingEntry[] },
  exec: Exec = check,
): Promise<void> {
  if (!DEVICE.test(device)) throw new Error(`not a link name: ${JSON.stringify(device)}`);
  const line = (verb: string, { mac, to }: ForwardingEntry): string => {
    if (!MAC.test(mac) || isIP(to) === 0) throw new Error(`not a forwarding entry: ${mac} to ${to}`);
    return `fdb ${verb} ${mac} dev ${device} dst ${to} self permanent\n`;
  };
  const lines = [...add.map((entry) => line('replace', entry)), ...remove.map((entry) => line('delete', entry))];
  if (lines.length > 0) await exec(['bridge', '-batch', '-'], { input: lines.join('') });
}

/** The entries that the device has; rejects when there is no such device. */
export async function listForwarding(device: string, exec: Exec = check): Promise<ForwardingEntry[]> {
  const shown: { mac: string; dst?: string }[] = JSON.parse(
    (await exec(['bridge', '-json', 'fdb', 'show', 'dev', device])) || '[]',
  );
  return shown.flatMap(({ mac, dst }) => (dst ? [{ mac, to: dst }] : []));
}
