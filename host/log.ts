// Logging: JSON lines by pino, pretty on a terminal. Secrets never get here: log names, not bodies.
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';

export type { Logger };

/** `component` names the program in every line. Level from `VITRINE_LOG_LEVEL`, default `info`. */
export async function createLogger(component: string): Promise<Logger> {
  const level = process.env.VITRINE_LOG_LEVEL ?? 'info';
  const base = { component };
  if (!process.stderr.isTTY) return pino({ level, base }, pino.destination({ fd: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    { level, base },
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }),
  );
}

/** Bytes after which a log file begins anew. */
const LOG_LIMIT = 10 * 1024 * 1024;

/**
 * A logger that writes to standard error, as all do, and besides to a file that begins anew, as a container runtime keeps a log: `TIME
 * stderr F LINE` (kubernetes design-proposals, CRI logging). Throws when the file cannot be written.
 */
export function createContainerLogger(component: string, path: string): Logger {
  const file = openSync(path, 'w', 0o600);
  let size = 0;
  const write = (line: string): void => {
    const text = `${new Date().toISOString().replace('Z', '000000Z')} stderr F ${line}`;
    if (size > LOG_LIMIT) {
      ftruncateSync(file);
      size = 0;
    }
    size += writeSync(file, text, size);
  };
  const level = process.env.VITRINE_LOG_LEVEL ?? 'info';
  const streams = pino.multistream([
    { level: 'trace', stream: pino.destination({ fd: 2, sync: true }) },
    { level: 'trace', stream: { write } },
  ]);
  return pino({ level, base: { component } }, streams);
}

/** A logger that says nothing, for tests and benchmarks. */
export const silentLogger: Logger = pino({ level: 'silent' });
