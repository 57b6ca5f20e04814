// Transactions as text, what they refuse, and what a listed table says.
import { describe, expect, it } from 'vitest';
import { InvalidNftError, NftTransaction } from './nft.ts';
import { gathering, TableReader } from './nft-table.ts';

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

  it('marks rules', () =>
    expect(tx().addRule('one', 'accept', '0a1b').render()).toEqual(['add rule ip shop one accept comment "0a1b"\n']));

  it.each([
    () => tx().addElement('ips', { key: ['10.0.0.1 }; flush ruleset; {'] }),
    () => tx().addElement('ips', { key: ['10.0.0.1'], value: ['jump a b'] }),
    () => tx().addRule('services', 'accept; flush ruleset'),
    () => tx().addRule('services', 'accept', 'a" drop'),
    () => tx().addRule('services', 'accept\nflush ruleset'),
    () => tx().addChain('a b'),
    () => new NftTransaction('ip', ''),
  ])('refuses what could be more than one thing', (add) => expect(add).toThrow(InvalidNftError));
});

describe.each([1, 7, 100_000])('a listed table that comes in pieces of %d letters', (length) => {
  // As nft 1.0.6 prints it with -j -p: protocols are numbers, an element that will time out is an object.
  const text = JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'ip', name: 'shop' } },
      {
        map: {
          name: 'ips',
          type: ['ipv4_addr', 'inet_proto', 'inet_service'],
          map: 'verdict',
          elem: [
            [{ concat: ['10.0.0.1', 6, 6] }, { goto: { target: 'one' } }],
            [{ concat: ['10.0.0.2', 17, 80] }, { drop: null }],
          ],
        },
      },
      {
        map: {
          name: 'ports',
          type: ['inet_proto', 'inet_service'],
          elem: [[{ concat: [132, 80] }, { concat: ['10.0.0.9', 17] }]],
        },
      },
      {
        set: {
          name: 'few',
          type: 'ipv4_addr',
          elem: ['10.0.0.3', { elem: { val: '10.0.0.4', expires: 3 } }],
          flags: ['timeout'],
        },
      },
      { set: { name: 'none', type: 'ipv4_addr' } },
      { set: { name: 'foreign', type: 'ipv4_addr', elem: [{ prefix: { addr: '10.0.0.0', len: 8 } }] } },
      { chain: { name: 'one', handle: 4 } },
      { rule: { chain: 'one', comment: 'first', expr: [{ accept: null }] } },
      { rule: { chain: 'one', expr: [{ match: { right: { set: ['a "quoted" \\', '{[,'] } } }, { drop: null }] } },
    ],
  });
  const { table: listed, visitor } = gathering();
  const reader = new TableReader(visitor);
  for (let at = 0; at < text.length; at += length) reader.take(text.slice(at, at + length));

  it("gives chains with their rules' comments", () => expect([...listed.chains]).toEqual([['one', ['first', '']]]));
  it('gives elements by key, as they are written', () => {
    expect([...listed.elements.get('ips')!]).toEqual([
      ['10.0.0.1 . tcp . 6', 'goto one'],
      ['10.0.0.2 . udp . 80', 'drop'],
    ]);
    expect([...listed.elements.get('ports')!]).toEqual([['sctp . 80', '10.0.0.9 . 17']]);
    expect([...listed.elements.get('few')!.keys()]).toEqual(['10.0.0.3', '10.0.0.4']);
    expect(listed.elements.get('none')!.size).toBe(0);
    expect(listed.elements.get('foreign')!.size).toBe(1);
  });
  it('tells sets from maps', () => expect([listed.kinds.get('few'), listed.kinds.get('ips')]).toEqual(['set', 'map']));
});
