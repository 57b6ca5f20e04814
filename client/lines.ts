// A watch's body: one JSON document per line, in whatever pieces the connection delivers them.
import type { Readable } from 'node:stream';

/** Yields each line's value as soon as its newline has arrived; a line cut off by the end of the stream is dropped. */
export async function* parseLines<T>(body: Readable): AsyncGenerator<T> {
  body.setEncoding('utf8');
  let rest: string[] = [];
  for await (const piece of body) {
    const text = piece as string;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const tail = text.slice(start, end);
      const line = rest.length === 0 ? tail : rest.join('') + tail;
      rest = [];
      start = end + 1;
      if (line !== '') yield JSON.parse(line) as T;
    }
    if (start < text.length) rest.push(text.slice(start));
  }
}
