// The server's end of one SPDY/3.1 connection: the client opens streams, each becomes a Duplex. As between upstream's kubectl and kubelet
// (moby/spdystream) there are no windows: neither end sends WINDOW_UPDATE, and what paces the streams is the connection itself. A
// stream whose reader is slow lets 256 KiB wait, and then the whole connection.
import { Duplex } from 'node:stream';
import { dataHead, encodeFrame, FIN, type Frame, FrameReader, ProtocolError, RESET } from './frames.ts';
import { HeaderReader, type Headers, HeaderWriter } from './header-block.ts';

/** Bytes of one stream that may wait for their reader. */
const WAITING_LIMIT = 256 * 1024;
/** ms between pings: a client that is gone is noticed by them while we do not read. */
const PING_MS = 5000;
/** Bytes of one DATA frame; smaller ones let streams take turns. */
const FRAME_LIMIT = 256 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #session: SpdySession;
  #wake: (() => void) | undefined;
  /** The other end has said that it sends no more, or it was told so. */
  isRemoteOver = false;

  constructor(session: SpdySession, id: number, headers: Headers) {
    super({ allowHalfOpen: true, readableHighWaterMark: WAITING_LIMIT });
    this.#session = session;
    this.id = id;
    this.headers = headers;
  }

  /** Takes what the client sent; resolves when more may come. */
  async receive(data: Buffer): Promise<void> {
    if (this.destroyed || data.length === 0 || this.push(data)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#session.sendData(this.id, data, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.sendFin(this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wake?.();
    this.#session.forget(this, this.isRemoteOver && this.writableFinished);
    done(error);
  }
}

export class SpdySession {
  readonly #socket: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #reader = new FrameReader();
  readonly #headerReader = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  #lastStreamId = 0;
  #nextPing = 2;
  #isClosing = false;

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
  }

  /** Serves the connection until it ends, by whichever side. Never rejects: a broken connection is its end. */
  async run(): Promise<void> {
    const close = (): void => this.#destroyStreams();
    this.#socket.on('error', close).on('close', close);
    const ticking = setInterval(() => this.#ping(), PING_MS);
    try {
      for await (const chunk of this.#socket) {
        for (const frame of this.#reader.read(chunk as Buffer)) await this.#handle(frame);
      }
    } catch (error) {
      if (error instanceof ProtocolError) this.#send({ type: 'GOAWAY', lastStreamId: this.#lastStreamId, status: 1 });
    } finally {
      clearInterval(ticking);
      this.#destroyStreams();
      this.#headerReader.close();
      this.#socket.end();
    }
  }

  /** No more streams; the connection ends when what was written has been sent. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#send({ type: 'GOAWAY', lastStreamId: this.#lastStreamId, status: 0 });
    this.#socket.end();
  }

  /** Calls `done` when more may be written. */
  sendData(streamId: number, data: Buffer, done: (error?: Error | null) => void): void {
    if (!this.#socket.writable) {
      done(new Error('the connection has ended'));
      return;
    }
    let isRoomLeft = true;
    const written = (error?: Error | null): void => {
      if (!isRoomLeft || error) done(error);
    };
    this.#socket.cork();
    for (let at = 0; at < data.length; at += FRAME_LIMIT) {
      const piece = data.subarray(at, at + FRAME_LIMIT);
      this.#socket.write(dataHead(streamId, piece.length, 0));
      const isLast = at + FRAME_LIMIT >= data.length;
      isRoomLeft = isLast ? this.#socket.write(piece, written) : this.#socket.write(piece);
    }
    this.#socket.uncork();
    if (isRoomLeft) done();
  }

  sendFin(streamId: number): void {
    if (this.#socket.writable) this.#socket.write(dataHead(streamId, 0, FIN));
  }

  forget(stream: SpdyStream, isOver: boolean): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    if (!isOver) this.#send({ type: 'RST_STREAM', streamId: stream.id, status: RESET.CANCEL });
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'SYN_STREAM':
        return this.#open(frame.streamId, frame.fin, await this.#headerReader.read(frame.block));
      case 'HEADERS':
      case 'SYN_REPLY':
        await this.#headerReader.read(frame.block); // the dictionary must see every block
        return;
      case 'DATA':
        return this.#receive(frame.streamId, frame.data, frame.fin);
      case 'RST_STREAM':
        this.#streams.get(frame.streamId)?.destroy();
        return;
      case 'PING':
        if (frame.id % 2 === 1) this.#send(frame); // what is even answers a ping of ours
        return;
      default: // GOAWAY: whoever says it closes the connection when its streams are over. Windows and settings: see above.
        return;
    }
  }

  #open(id: number, fin: boolean, headers: Headers): void {
    if (id % 2 === 0 || id <= this.#lastStreamId) {
      this.#send({ type: 'RST_STREAM', streamId: id, status: RESET.PROTOCOL_ERROR });
      return;
    }
    this.#lastStreamId = id;
    const stream = new SpdyStream(this, id, headers);
    stream.on('error', () => {}); // a stream's end is what its reader and writer see
    this.#streams.set(id, stream);
    this.#send({ type: 'SYN_REPLY', streamId: id, fin: false, block: this.#headerWriter.write(new Map()) });
    if (fin) this.#remoteOver(stream);
    this.#onStream(stream);
  }

  async #receive(id: number, data: Buffer, fin: boolean): Promise<void> {
    const stream = this.#streams.get(id);
    if (!stream) return; // it was reset a moment ago
    await stream.receive(data);
    if (fin) this.#remoteOver(stream);
  }

  #remoteOver(stream: SpdyStream): void {
    stream.isRemoteOver = true;
    stream.push(null);
  }

  #ping(): void {
    this.#send({ type: 'PING', id: this.#nextPing });
    this.#nextPing += 2;
  }

  #send(frame: Exclude<Frame, { type: 'DATA' }>): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(frame));
  }

  #destroyStreams(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.destroy();
  }
}
