// Transactions as text, what they refuse, and what a listed table says.
import { describe, expect, it } from 'vitest';
import { InvalidNftError, NftTransaction, parseTable } from './nft.ts';

describe('an nft transaction', () => {
  const tx = (): NftTransaction => new NftTransaction('ip', 'shop');

  it('gathers elements and keeps the order of all else', () => {
    const made = tx()
      .addTable()
      .addElement('ips', { key: ['10.0.0.1', 'tcp', 80], value: ['goto endpoints-1'] })
      .addElement('ips', { key: ['10.0.0.2', 'tcp', 80], value: ['10.1.0.1', 8080] })
      .deleteElement('ips', ['10.0.0.3', 'tcp', 80]);
    expect(made.render()).toEqual([
      'add table ip shop\n' +
        'add element ip shop ips { 10.0.0.1 . tcp . 80 : goto endpoints-1, 10.0.0.2 . tcp . 80 : 10.1.0.1 . 8080 }\n' +
        'delete element ip shop ips { 10.0.0.3 . tcp . 80 }\n',
    ]);
  });

  it('splits between elements, never between a chain and its rules', () => {
    const made = tx();
    for (let at = 0; at < 5; at += 1) made.addElement('ports', { key: [at] });
    made.addChain('one').flushChain('one').addRule('one', 'accept');
    expect(made.render(2)).toEqual([
      'add element ip shop ports { 0, 1 }\n',
      'add element ip shop ports { 2, 3 }\n',
      'add element ip shop ports { 4 }\nadd chain ip shop one\nflush chain ip shop one\nadd rule ip shop one accept\n',
    ]);
  });

  it.each([
    () => tx().addElement('ips', { key: ['10.0.0.1 }; flush ruleset; {'] }),
    () => tx().addElement('ips', { key: ['10.0.0.1'], value: ['jump a b'] }),
    () => tx().addRule('services', 'accept; flush ruleset'),
    () => tx().addRule('services', 'accept\nflush ruleset'),
    () => tx().addChain('a b'),
    () => new NftTransaction('ip', ''),
  ])('refuses what could be more than one thing', (add) => expect(add).toThrow(InvalidNftError));
});

describe('a listed table', () => {
  it('gives chains, and elements by key', () => {
    const listed = parseTable(
      [
        'table ip shop {',
        '\tmap ips {',
        '\t\ttype ipv4_addr . inet_service : verdict',
        '\t\telements = { 10.0.0.1 . 80 : goto one,',
        '\t\t\t     10.0.0.2 . 80 : drop }',
        '\t}',
        '',
        '\tset few {',
        '\t\ttype ipv4_addr',
        '\t\telements = { 10.0.0.3, 10.0.0.4 }',
        '\t}',
        '\tset none {',
        '\t\ttype ipv4_addr',
        '\t}',
        '\tchain one {',
        '\t\tmeta l4proto { tcp, udp } accept',
        '\t}',
        '}',
      ].join('\n'),
    );
    expect([...listed.chains]).toEqual(['one']);
    expect([...listed.elements.get('ips')!]).toEqual([
      ['10.0.0.1 . 80', 'goto one'],
      ['10.0.0.2 . 80', 'drop'],
    ]);
    expect([...listed.elements.get('few')!.keys()]).toEqual(['10.0.0.3', '10.0.0.4']);
    expect(listed.elements.get('none')!.size).toBe(0);
    expect(listed.kinds.get('few')).toBe('set');
  });
});
