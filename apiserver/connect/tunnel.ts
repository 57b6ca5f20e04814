// Two connections joined into one: bytes pass as they are, each side's end is passed on, a slow side slows the other.
import type { Duplex } from 'node:stream';

/** ms a side that was told of the end is given to end too. */
const LINGER_MS = 5000;

/** Resolves when both are closed. Ends them when `signal` aborts. */
export async function joined(one: Duplex, other: Duplex, signal: AbortSignal): Promise<void> {
  const stop = (): void => {
    one.destroy();
    other.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  await Promise.all([passed(one, other), passed(other, one)]);
  signal.removeEventListener('abort', stop);
}

/** Passes what `from` says on to `to` until `from` is closed. */
function passed(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    from.on('error', () => to.destroy());
    from.once('close', () => {
      // Whoever broke off ends both; whoever ended in order has been heard, and what it said still goes out.
      if (!from.readableEnded) to.destroy();
      resolve();
    });
    to.once('finish', () => {
      if (to.destroyed) return;
      const timer = setTimeout(() => to.destroy(), LINGER_MS);
      to.once('close', () => clearTimeout(timer));
    });
    if (from.closed) {
      to.destroy();
      resolve();
    } else from.pipe(to);
  });
}
