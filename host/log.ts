// Logging: JSON lines by pino, pretty on a terminal. Secrets never get here: log names, not bodies.
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

/** A logger that says nothing, for tests and benchmarks. */
export const silentLogger: Logger = pino({ level: 'silent' });
