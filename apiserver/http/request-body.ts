// The bytes of a request's body: all of them, or none when there are too many or the client breaks off.
import type { Readable } from 'node:stream';

/** Bytes (upstream: MaxRequestBodyBytes). */
export const BODY_LIMIT = 3 * 1024 * 1024;

export interface BodyReader {
  done(body: Buffer): void;
  /** There are more than BODY_LIMIT; the rest stays unread. */
  tooLarge(): void;
}

/** Calls one of `reader`'s functions once, or none when the client went. `length` is the Content-Length, if it was given. */
export function readBytes(source: Readable, length: string | undefined, reader: BodyReader): void {
  if (length !== undefined && Number(length) > BODY_LIMIT) {
    reader.tooLarge();
    return;
  }
  let chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= BODY_LIMIT) return;
    chunks = [];
    source.off('data', onData).off('end', onEnd).pause();
    reader.tooLarge();
  };
  const onEnd = (): void => reader.done(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
  source.on('data', onData).on('end', onEnd);
}
