import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Container } from '../../api/types/core.v1.ts';
import { logTail, terminationMessage } from './termination-message.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-words-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (text: string): string => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;
const FALLBACK = { terminationMessagePolicy: 'FallbackToLogsOnError' } as const;

it.each<
  [string, { file?: string; log?: string; exitCode: number; spec?: Partial<Container>; containers?: number }, string]
>([
  ['its file', { file: 'bye', exitCode: 1 }, 'bye'],
  ['its file, cut', { file: 'x'.repeat(5000), exitCode: 0 }, 'x'.repeat(4096)],
  ['its file, cut to its share', { file: 'x'.repeat(5000), exitCode: 0, containers: 12 }, 'x'.repeat(1024)],
  ['nothing without a file', { exitCode: 1, log: line('a') }, ''],
  ['the end of its log after a failure', { exitCode: 1, log: line('a') + line('b'), spec: FALLBACK }, 'a\nb\n'],
  ['nothing of its log after a success', { exitCode: 0, log: line('a'), spec: FALLBACK }, ''],
  ['its file rather than its log', { exitCode: 1, file: 'f', log: line('a'), spec: FALLBACK }, 'f'],
])('what a container leaves is %s', (_what, { file, log, exitCode, spec, containers = 1 }, message) => {
  if (file !== undefined) writeFileSync(`${folder}/file`, file);
  if (log !== undefined) writeFileSync(`${folder}/log`, log);
  const ended = { spec: { name: 'c', ...spec }, exitCode, file: `${folder}/file`, log: `${folder}/log`, containers };
  expect(terminationMessage(ended)).toBe(message);
});

it('of a log are the last 80 lines, within the bytes there are', () => {
  const text = Array.from({ length: 100 }, (_, index) => line(`${index}`)).join('');
  expect(logTail(text, 2048).split('\n')[0]).toBe('20');
  expect(logTail(line('long '.repeat(100)), 10)).toBe('ong long \n');
  expect(logTail('2026-01-01T00:00:00Z stderr P half\n2026-01-01T00:00:00Z stderr F way\ntorn', 100)).toBe('halfway\n');
});
