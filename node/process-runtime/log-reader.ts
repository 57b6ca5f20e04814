// Reading a container's log while it is still written.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { systemClock } from '../../host/clock.ts';

/** ms between looks for more. */
const POLL_MS = 100;

interface LogOptions {
  readonly follow: boolean;
  readonly signal?: AbortSignal;
  /** When it says no, what is in the file is all there will be. */
  isRunning(): boolean;
}

/** The lines of `path` as they stand in the file; with `follow` until the container has ended or `signal` aborts. */
export function readContainerLog(path: string, options: LogOptions): Readable {
  return Readable.from(chunks(path, options), { objectMode: false });
}

async function* chunks(path: string, { follow, signal, isRunning }: LogOptions): AsyncGenerator<Buffer> {
  let file = await open(path, 'r');
  try {
    let position = 0;
    while (!signal?.aborted) {
      const last = !follow || !isRunning();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, position);
      position += bytesRead;
      if (bytesRead > 0) {
        yield buffer.subarray(0, bytesRead);
        continue;
      }
      const next = await open(path, 'r');
      if ((await next.stat()).ino !== (await file.stat()).ino) {
        await file.close(); // read to its end, and the shim has begun a new one
        file = next;
        position = 0;
        continue;
      }
      await next.close();
      if (last) return;
      await systemClock.sleep(POLL_MS, signal).catch(() => {});
    }
  } finally {
    await file.close();
  }
}
