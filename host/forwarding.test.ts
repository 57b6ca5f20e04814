import { expect, it } from 'vitest';
import { changeForwarding, listForwarding } from './forwarding.ts';

const entry = { mac: '02:00:c0:a8:01:0b', to: '192.168.1.11' };

it('is changed by one run of bridge, and not at all without a change', async () => {
  const inputs: unknown[] = [];
  const exec = async (_argv: readonly string[], options?: { input?: string | Buffer }): Promise<string> => {
    inputs.push(options?.input);
    return '';
  };
  await changeForwarding('vxlan0', { add: [], remove: [] }, exec);
  await changeForwarding('vxlan0', { add: [entry], remove: [{ ...entry, to: 'fd00::12' }] }, exec);
  expect(inputs).toEqual([
    'fdb replace 02:00:c0:a8:01:0b dev vxlan0 dst 192.168.1.11 self permanent\n' +
      'fdb delete 02:00:c0:a8:01:0b dev vxlan0 dst fd00::12 self permanent\n',
  ]);
});

it('takes nothing but addresses and link names', async () => {
  const refused = [
    { ...entry, mac: '02:00' },
    { ...entry, to: '192.168.1.11 self' },
  ];
  for (const one of refused) {
    await expect(changeForwarding('vxlan0', { add: [one], remove: [] })).rejects.toThrow('not a forwarding entry');
  }
  await expect(changeForwarding('-batch x', { add: [entry], remove: [] })).rejects.toThrow('not a link name');
});

it('is read as it stands, without what leads nowhere', async () => {
  const shown = [{ mac: entry.mac, dst: entry.to, flags: ['self'], state: 'permanent' }, { mac: '33:33:00:00:00:01' }];
  expect(await listForwarding('vxlan0', async () => JSON.stringify(shown))).toEqual([entry]);
});
