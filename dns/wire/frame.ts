// Messages on a stream: each has its length before it (RFC 1035 section 4.2.2).

/** `message` with its length before it, in one piece. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Puts together what arrives in pieces. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes that are needed to get on. */
  #wanted = 2;

  /** Whether a message has begun and is not whole yet. */
  get isHalfway(): boolean {
    return this.#bytes > 0;
  }

  /** The messages that are whole with `chunk`. */
  read(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return [];
    let rest = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    const messages: Buffer[] = [];
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      messages.push(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    this.#wanted = rest.length >= 2 ? 2 + rest.readUInt16BE(0) : 2;
    return messages;
  }
}
