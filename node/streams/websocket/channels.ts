// Channels over one WebSocket: the first byte of every message names the channel (k8s.io/streaming v0.36 pkg/httpstream/wsstream).
// With the base64 protocols it is a digit, and the rest is base64.
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Bytes that may wait for a slow client before a channel's writer is told to wait. */
const HIGH_WATER = 256 * 1024;
/** In version 5: the message's second byte names a channel on which no more will come. */
const CLOSE_SIGNAL = 255;
/** ms between pings: a client that is gone is noticed by them while we do not read. */
const PING_MS = 5000;

export class Channel extends Duplex {
  readonly #channels: Channels;
  readonly #number: number;

  constructor(channels: Channels, number: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: HIGH_WATER, autoDestroy: false });
    this.#channels = channels;
    this.#number = number;
  }

  override _read(): void {
    this.#channels.resume();
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#channels.send(this.#number, data, done);
  }
}

export class Channels {
  readonly #socket: WebSocket;
  readonly #isBase64: boolean;
  readonly #channels: readonly Channel[];
  readonly #gone = new AbortController();

  /** `count` channels, 0 … count - 1. */
  constructor(socket: WebSocket, count: number) {
    this.#socket = socket;
    this.#isBase64 = socket.protocol.includes('base64');
    this.#channels = Array.from({ length: count }, (_, number) => new Channel(this, number));
    for (const channel of this.#channels) channel.on('error', () => {}); // a broken connection is the end of all channels
    socket.on('message', (message) => this.#take(message));
    socket.on('error', () => {}); // `close` follows
    const ticking = setInterval(() => socket.ping(), PING_MS);
    socket.on('close', () => {
      clearInterval(ticking);
      for (const channel of this.#channels) channel.destroy();
      this.#gone.abort();
    });
  }

  get(number: number): Channel {
    return this.#channels[number];
  }

  /** Aborts when the connection has ended, by whichever side. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  send(number: number, data: Buffer, done: (error?: Error | null) => void): void {
    const message = this.#isBase64
      ? `${number}${data.toString('base64')}`
      : Buffer.concat([Buffer.from([number]), data], data.length + 1);
    let isWaiting = true;
    this.#socket.send(message, { binary: !this.#isBase64 }, (error) => {
      if (isWaiting || error) done(error);
    });
    if (this.#socket.bufferedAmount > HIGH_WATER) return;
    isWaiting = false;
    done();
  }

  resume(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  /** Resolves when the other side has closed too, or is gone. */
  async close(): Promise<void> {
    this.#socket.close(1000);
    if (this.#gone.signal.aborted) return;
    await new Promise((resolve) => this.#gone.signal.addEventListener('abort', resolve, { once: true }));
  }

  #take(message: Buffer): void {
    if (message.length === 0) return;
    if (message[0] === CLOSE_SIGNAL && !this.#isBase64) {
      this.#channels[message[1]]?.push(null);
      return;
    }
    const channel = this.#channels[this.#isBase64 ? message[0] - 0x30 : message[0]];
    const data = this.#isBase64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (!channel || channel.readableEnded || data.length === 0) return;
    if (!channel.push(data)) this.#socket.pause();
  }
}
