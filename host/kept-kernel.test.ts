// Real nft and iptables-restore, kept running in a network namespace of their own.
import { describe, expect, it } from 'vitest';
import { execAt } from './exec.ts';
import { Iptables } from './iptables.ts';
import { Nft, NftTransaction } from './nft.ts';

/** Every program in a namespace of its own: what the second text meets can only come from the same program. */
const apart = execAt((argv) => ['unshare', '-Urn', '--', ...argv]);

describe('a kept nft', () => {
  const tx = (): NftTransaction => new NftTransaction('ip', 'shop');
  const [made] = tx().addTable().addSet('set', 'ips', ['type ipv4_addr']).render();
  const add = (ip: string): string =>
    tx()
      .addElement('ips', { key: [ip] })
      .render()[0];
  const remove = (ip: string): string => tx().deleteElement('ips', [ip]).render()[0];

  it('applies texts one after the other, also of many lines', async () => {
    const nft = new Nft(apart);
    await Promise.all([nft.apply(made), nft.apply(add('10.0.0.1')), nft.apply(add('10.0.0.2') + remove('10.0.0.1'))]);
    await expect(nft.apply(remove('10.0.0.1'))).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('No such file or directory') as string,
    });
    await nft.apply(remove('10.0.0.2'));
    await nft.close();
  });

  it('applies nothing of a text that is refused', async () => {
    const nft = new Nft(apart);
    await nft.apply(made);
    await expect(nft.apply(add('10.0.0.3') + remove('10.0.0.9'))).rejects.toThrow('No such file');
    await expect(nft.apply(remove('10.0.0.3'))).rejects.toThrow('No such file');
    await expect(nft.apply('add nonsense\n')).rejects.toThrow('syntax error');
    await nft.apply(add('10.0.0.3'));
    await nft.apply(remove('10.0.0.3'));
    await nft.close();
  });
});

describe('a kept iptables-restore', () => {
  const nat = (...lines: string[]): string => `*nat\n${lines.join('\n')}\nCOMMIT\n`;

  it('commits each text, in whatever state the one before left the kernel', async () => {
    const iptables = new Iptables(4, apart);
    await iptables.restore(nat(':SHOP - [0:0]', '-A SHOP -p tcp -m tcp --dport 80 -j RETURN'));
    await iptables.restore(nat('-I SHOP -p udp -j RETURN', '-D SHOP -p tcp -m tcp --dport 80 -j RETURN'));
    await iptables.restore(nat('-D SHOP -p udp -j RETURN', '-X SHOP'));
    await iptables.close();
  });

  it('says what was refused, and goes on', async () => {
    const iptables = new Iptables(4, apart);
    await expect(iptables.restore(nat('-D SHOP -p udp -j RETURN'))).rejects.toMatchObject({
      stderr: expect.stringMatching(/line \d+ failed/) as string,
    });
    await iptables.restore(nat(':SHOP - [0:0]'));
    await iptables.close();
  });
});
