// Reading a container's log while it is still written. The shim keeps it in parts: PATH is the newest, PATH.1 the one before …
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import type { LogOptions } from '../runtime.ts';
import { LOG_PARTS } from './shim-log.ts';

/** ms between looks for more, where the kernel does not tell of changes. */
const POLL_MS = 1000;
const CHUNK = 256 * 1024;

interface Source {
  /** Resolves when the container has ended: what is in the file then is all there will be. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
}

/** The lines of the log as they stand in its parts; with `follow` until the container has ended or `signal` aborts. */
export function readContainerLog(path: string, options: LogOptions & Source): Readable {
  return Readable.from(chunks(path, options), { objectMode: false, highWaterMark: CHUNK });
}

async function* chunks(path: string, options: LogOptions & Source): AsyncGenerator<Buffer> {
  let { file, position } = await startOf(path, options.tailLines);
  let next: FileHandle | undefined;
  const changes = options.follow ? new Changes(path, options) : undefined;
  const buffer = Buffer.allocUnsafe(CHUNK);
  try {
    for (;;) {
      if (options.signal?.aborted) return;
      // Asked before reading: what was written before the end is read still.
      const isLast = !options.follow || !options.isRunning();
      const { bytesRead } = await file.read(buffer, 0, CHUNK, position);
      position += bytesRead;
      if (bytesRead > 0) {
        yield Buffer.from(buffer.subarray(0, bytesRead));
        continue;
      }
      if (next) {
        await file.close();
        [file, position, next] = [next, 0, undefined];
        continue;
      }
      // A part that has a next one is read to its end once more: what came between the last read and the next part's beginning.
      next = await partAfter(path, file);
      if (next) continue;
      if (isLast) return;
      await changes!.next();
    }
  } finally {
    changes?.close();
    await next?.close();
    await file.close();
  }
}

const nameOf = (path: string, part: number): string => (part === 0 ? path : `${path}.${part}`);

/** Where the last `tailLines` lines begin, or the oldest part. */
async function startOf(path: string, tailLines: number | undefined): Promise<{ file: FileHandle; position: number }> {
  let left = tailLines ?? Number.POSITIVE_INFINITY;
  let file = await open(path, 'r');
  for (let part = 1; ; part++) {
    const { size } = await file.stat();
    const found = await lineFromEnd(file, size, left);
    if (found.position > 0 || found.left === 0 || part >= LOG_PARTS) return { file, position: found.position };
    left = found.left;
    const older = await openIfThere(nameOf(path, part));
    if (!older) return { file, position: 0 };
    await file.close();
    file = older;
  }
}

/** Where the last `count` lines of a file begin; `left` is how many lines it is short of. */
async function lineFromEnd(file: FileHandle, size: number, count: number): Promise<{ position: number; left: number }> {
  if (count === Number.POSITIVE_INFINITY) return { position: 0, left: count };
  if (count === 0) return { position: size, left: 0 };
  let left = count;
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK);
    await file.read(buffer, 0, end - start, start);
    const piece = buffer.subarray(0, end - start);
    // The newline that ends the last line begins no other.
    for (
      let at = piece.lastIndexOf(10, end === size ? -2 : -1);
      at >= 0;
      at = at > 0 ? piece.lastIndexOf(10, at - 1) : -1
    ) {
      if (--left === 0) return { position: start + at + 1, left: 0 };
    }
    end = start;
  }
  return { position: 0, left: size > 0 ? left - 1 : left };
}

/**
 * The part that was begun after `file`, when `file` is read to its end; undefined while it is the newest. Parts are told by their inodes,
 * since the shim renames them; one that fell out of the log meanwhile is followed by the oldest there is.
 */
async function partAfter(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const { ino } = await file.stat();
  if ((await inodeOf(path)) === ino) return undefined;
  for (let part = 1; part < LOG_PARTS; part++) {
    if ((await inodeOf(nameOf(path, part))) === ino) return openIfThere(nameOf(path, part - 1));
  }
  for (let part = LOG_PARTS - 1; part >= 0; part--) {
    const oldest = await openIfThere(nameOf(path, part));
    if (oldest) return oldest;
  }
  return undefined;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(unlessMissing))?.ino;
}

function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch(unlessMissing);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Tells when there may be more to read. */
class Changes {
  readonly #watcher: FSWatcher;
  readonly #wake = new AbortController();
  #hasChanged = false;
  #notify: (() => void) | undefined;

  constructor(path: string, { ended, signal }: LogOptions & Source) {
    const changed = (): void => {
      this.#hasChanged = true;
      this.#notify?.();
    };
    this.#watcher = watch(dirname(path), changed);
    this.#watcher.on('error', () => {}); // the poll still sees
    void ended.then(changed);
    signal?.addEventListener('abort', changed, { once: true, signal: this.#wake.signal });
  }

  async next(): Promise<void> {
    if (!this.#hasChanged) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#hasChanged = false;
  }

  close(): void {
    this.#watcher.close();
    this.#wake.abort();
  }
}
