// A short trial of watches (`npm run check:watch` makes longer ones), and that the judge is no friend of the accused.
import { describe, expect, it } from 'vitest';
import { difference, EVERYTHING, History, type Seen, type Selector } from './history.ts';
import { judgeWatches } from './judge-watches.ts';

const event = (revision: number, type: Seen['type'], name: string, color: string, value: string): Seen => ({
  revision,
  type,
  name,
  color,
  value,
});

const EVENTS = [
  event(2, 'ADDED', 'a', 'red', 'v1'),
  event(4, 'MODIFIED', 'a', 'blue', 'v2'),
  event(5, 'ADDED', 'b', 'red', 'v3'),
  event(7, 'DELETED', 'a', 'blue', 'v2'),
];
const RED: Selector = { query: '&labelSelector=color%3Dred', matches: ({ color }) => color === 'red' };

function heard(events: readonly Seen[]): { history: History; problems: string[] } {
  const history = new History();
  const problems = events.map((one) => history.hear(one, 0)).filter((problem) => problem !== undefined);
  return { history, problems };
}

describe('the judge', () => {
  it('finds nothing wrong with what is right', () => {
    const { history, problems } = heard(EVENTS);
    expect(problems).toEqual([]);
    expect(difference(EVENTS, history.expected(0, 7, EVERYTHING))).toBeUndefined();
    expect(history.stateAt(5, EVERYTHING).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('knows what a selector makes of a change', () => {
    const told = [EVENTS[0], event(4, 'DELETED', 'a', 'red', 'v1'), EVENTS[2]];
    expect(difference(told, heard(EVENTS).history.expected(0, 7, RED))).toBeUndefined();
  });

  it.each([
    ['lost', EVENTS.toSpliced(1, 1)],
    ['repeated', EVENTS.toSpliced(1, 0, EVENTS[0])],
    ['out of order', [EVENTS[0], EVENTS[2], EVENTS[1], EVENTS[3]]],
    ['from the future', [...EVENTS, event(9, 'ADDED', 'c', 'red', 'v4')]],
    ['of another state', EVENTS.with(1, event(4, 'MODIFIED', 'a', 'blue', 'v3'))],
  ])('notices an event that is %s', (_what, told) => {
    expect(difference(told, heard(EVENTS).history.expected(0, 7, EVERYTHING))).toBeDefined();
  });

  it.each([
    ['comes twice', EVENTS.toSpliced(1, 0, EVENTS[0])],
    ['goes before it came', [EVENTS[3]]],
    ['comes late', [EVENTS[2], EVENTS[0]]],
  ])('notices a history in which an object %s', (_what, events) => {
    expect(heard(events).problems).not.toEqual([]);
  });

  it('holds the server to what it acknowledged', () => {
    const { history } = heard(EVENTS);
    for (const { type, value, revision } of EVENTS) {
      if (type !== 'DELETED') history.wrote(value, { fate: 'acknowledged', revision });
    }
    history.deleted('a', 4);
    expect(history.brokenPromises()).toEqual([]);
    history.wrote('v9', { fate: 'acknowledged', revision: 8 });
    history.wrote('v3', { fate: 'refused' });
    history.deleted('b', 5);
    expect(history.brokenPromises()).toHaveLength(3);
  });
});

it('finds no event lost, repeated, out of order or from the future', { timeout: 120_000 }, async () => {
  const { problems, events, judged } = await judgeWatches({
    seed: 1,
    seconds: 5,
    signal: new AbortController().signal,
  });
  expect(problems).toEqual([]);
  expect(events).toBeGreaterThan(0);
  expect(Object.keys(judged)).not.toEqual([]);
});
