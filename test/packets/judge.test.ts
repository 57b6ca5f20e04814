// A judge that lets everything pass would prove nothing.
import { describe, expect, it } from 'vitest';
import { complaints, type Outcome, sumUp } from './judge.ts';
import type { Answer } from './sockets.ts';
import { kept, masqueraded, type Row } from './table.ts';

const answer = (by: string, seen: string, error = '', ms = 1): Answer => {
  return { by, seen, seenPort: 1, error, ms, retransmits: 0 };
};
const outcome = (...answers: Answer[]): Outcome => sumUp(answers);
const row = (expect: Row['expect'], more: Partial<Row> = {}): Row => ({
  from: 'client-1',
  to: 'cluster IP',
  expect,
  ...more,
});

describe('a row', () => {
  const pod1 = answer('pod-1', '10.244.1.100');
  const pod3 = answer('pod-3', '10.244.1.100');
  const refused = answer('', '', 'Connection refused');
  const lost = answer('', '', 'timed out');

  it.each<[string, Row, Outcome]>([
    ['all servers that should', row(kept('pod-1', 'pod-3')), outcome(pod1, pod3)],
    ['a server that the node masquerades to', row(masqueraded('pod-1')), outcome(answer('pod-1', '10.244.1.1'))],
    ['a server of the other node', row(masqueraded('pod-3')), outcome(answer('pod-3', '192.168.1.10'))],
    [
      'a node port of the other node',
      row(masqueraded('pod-3'), { to: 'node port of node-2' }),
      outcome(answer('pod-3', '10.244.2.1')),
    ],
    ['a pod that reaches itself', row(kept('pod-1'), { from: 'pod-1' }), outcome(answer('pod-1', '10.244.1.1'))],
    ['a refusal', row('refused'), outcome(refused)],
    ['silence', row('lost'), outcome(lost)],
    [
      'one server of several, for a client that stays',
      row(kept('pod-1', 'pod-3'), { staysFor: 2 }),
      outcome(pod1, pod1),
    ],
    ['what is right in this mode', row({ iptables: 'lost', nftables: 'refused' }), outcome(lost)],
  ])('is right with %s', (_, one, met) => expect(complaints(one, 'IPv4', 'iptables', met)).toEqual([]));

  it.each<[string, Row, Outcome]>([
    ['a server missing', row(kept('pod-1', 'pod-3')), outcome(pod1)],
    ['a server too many', row(kept('pod-1')), outcome(pod1, pod3)],
    ['another source', row(kept('pod-1')), outcome(answer('pod-1', '10.244.1.1'))],
    ['one attempt of many lost', row(kept('pod-1')), outcome(pod1, lost)],
    ['a refusal instead of silence', row('lost'), outcome(refused)],
    ['silence instead of a refusal', row('refused'), outcome(lost)],
    ['a refusal that came late', row('refused'), outcome(answer('', '', 'Connection refused', 1050))],
    ['an answer instead of a refusal', row('refused'), outcome(pod1)],
    ['a client that does not stay', row(kept('pod-1', 'pod-3'), { staysFor: 2 }), outcome(pod1, pod3)],
    ['the other mode’s way', row({ iptables: 'refused', nftables: 'lost' }), outcome(lost)],
  ])('is wrong with %s', (_, one, met) => expect(complaints(one, 'IPv4', 'iptables', met)).not.toEqual([]));
});
