// A conversation between a client and a command: what the wire offers (SPDY streams or WebSocket channels, behind one interface), and
// the copying between it and a Session. Statuses as upstream's remote commands end (k8s.io/apimachinery/pkg/util/remotecommand).
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Session, StartError, type TerminalSize } from '../runtime.ts';

/** What the client wants to talk by. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Never together with a terminal, which has one output. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface CommandStreams {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  onResize(listener: (size: TerminalSize) => void): void;
  /** Tells how the command ended, and closes the conversation. */
  finish(outcome: Outcome): Promise<void>;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
}

/** How a command ended: with an exit code, or not at all. */
export type Outcome = { readonly exitCode: number } | { readonly problem: string };

/** The metav1.Status of protocol versions 4 and 5. */
export function outcomeStatus(outcome: Outcome): object {
  if ('problem' in outcome) {
    const message = outcome.problem;
    return {
      metadata: {},
      status: 'Failure',
      message: `Internal error occurred: ${message}`,
      reason: 'InternalError',
      details: { causes: [{ message }] },
      code: 500,
    };
  }
  if (outcome.exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${outcome.exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: `${outcome.exitCode}` }] },
  };
}

/** What goes out on the error stream; before version 4 it told only of failures, as text. */
export function encodeOutcome(outcome: Outcome, hasStatus: boolean): string {
  const status = outcomeStatus(outcome) as { message?: string };
  return hasStatus ? JSON.stringify(status) : (status.message ?? '');
}

export function parseSize(text: string): TerminalSize | undefined {
  const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number };
  const isSize = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff;
  return isSize(Width) && isSize(Height) ? { rows: Height, columns: Width } : undefined;
}

/** Opens a session; `firstSize` is what the client says of its terminal first, if it ever does. */
export type OpenSession = (firstSize: Promise<TerminalSize>) => Promise<Session>;

/**
 * Opens a session and passes everything on until both have nothing more to say. `what` begins the message of a session that could not
 * be opened. Nothing of the session is left when the client goes.
 */
export async function converse(open: OpenSession, streams: CommandStreams, what: string): Promise<void> {
  let session: Session;
  let size: TerminalSize | undefined;
  let resized = (latest: TerminalSize): void => {
    size = latest;
  };
  const firstSize = new Promise<TerminalSize>((resolve) => {
    streams.onResize((latest) => {
      resized(latest);
      resolve(latest);
    });
  });
  try {
    session = await open(firstSize);
  } catch (error) {
    return streams.finish({ problem: `${what}: ${reasonOf(error as Error)}` });
  }
  const leave = (): void => session.kill();
  if (streams.gone.aborted) leave();
  streams.gone.addEventListener('abort', leave, { once: true });
  resized = (latest) => session.resize(latest);
  if (size) session.resize(size);
  if (streams.stdin && session.stdin) void copy(streams.stdin, session.stdin);
  else session.stdin?.end();
  await Promise.all([copy(session.stdout, streams.stdout), copy(session.stderr, streams.stderr)]);
  const exitCode = await session.ended;
  streams.gone.removeEventListener('abort', leave);
  session.stdin?.destroy();
  await streams.finish({ exitCode });
}

/** Where nobody listens, what is said is read and forgotten. An end that broke is no error: `gone` tells, or the exit code. */
async function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (!from) {
    to?.end();
    return;
  }
  if (to) await pipeline(from, to).catch(() => {});
  else from.resume();
}

/** As the container runtimes word it. */
function reasonOf(error: Error): string {
  if (!(error instanceof StartError)) return error.message;
  return `OCI runtime exec failed: exec failed: unable to start container process: ${error.message}: unknown`;
}
