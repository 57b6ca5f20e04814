import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { LogLines } from './log-lines.ts';
import { type LogQuery, LogQueryError, readLogQuery } from './log-query.ts';

const LOG = [
  '2026-01-01T00:00:00.100000000Z stdout F one',
  '2026-01-01T00:00:01.200000000Z stderr F two',
  '2026-01-01T00:00:02.300000000Z stdout P long ',
  '2026-01-01T00:00:02.400000000Z stdout F line',
  '2026-01-01T00:00:03.000000000Z stdout F ',
  '',
].join('\n');

async function shown(query: Partial<LogQuery>, pieceLength = 7): Promise<string> {
  const lines = new LogLines({ follow: false, previous: false, timestamps: false, ...query });
  const heard = text(lines);
  for (let at = 0; at < LOG.length; at += pieceLength) lines.write(LOG.slice(at, at + pieceLength));
  lines.end();
  return heard;
}

describe('the text of a log', () => {
  it.each([1, 7, 10_000])('is its lines without their heads, however they come (%i)', async (length) => {
    expect(await shown({}, length)).toBe('one\ntwo\nlong line\n\n');
  });

  it('may have times, one for a line that was written in parts', async () => {
    expect(await shown({ timestamps: true })).toBe(
      '2026-01-01T00:00:00.100000000Z one\n2026-01-01T00:00:01.200000000Z two\n' +
        '2026-01-01T00:00:02.300000000Z long line\n2026-01-01T00:00:03.000000000Z \n',
    );
  });

  it.each([
    ['since a time', { since: Date.parse('2026-01-01T00:00:01.2Z') }, 'two\nlong line\n\n'],
    ['of one stream', { stream: 'stderr' as const }, 'two\n'],
    ['up to a limit', { limitBytes: 6 }, 'one\ntw'],
  ])('is cut %s', async (_what, query, expected) => {
    expect(await shown(query)).toBe(expected);
  });
});

describe('a query for a log', () => {
  const now = Date.parse('2026-01-01T00:01:00Z');
  const read = (query: string): LogQuery => readLogQuery(new URLSearchParams(query), now);

  it('is read', () => {
    expect(read('follow=true&tailLines=5&sinceSeconds=10&stream=Stdout')).toMatchObject({
      follow: true,
      previous: false,
      tailLines: 5,
      since: now - 10_000,
      stream: 'stdout',
    });
    expect(read('tail=all').tailLines).toBeUndefined();
    expect(read('sinceTime=2026-01-01T00:00:00Z').since).toBe(now - 60_000);
  });

  it.each(['tailLines=x', 'sinceTime=yesterday'])('%s cannot be read', (query) => {
    expect(() => read(query)).toThrow('Unable to decode query.');
  });

  it.each([
    'tailLines=-1',
    'limitBytes=0',
    'sinceSeconds=0',
    'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
    'stream=x',
  ])('%s makes no sense', (query) => {
    expect(() => read(query)).toThrow(LogQueryError);
    expect(() => read(query)).toThrow('Invalid request.');
  });
});
