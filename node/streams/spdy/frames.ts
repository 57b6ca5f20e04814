// SPDY/3.1 frames as bytes (draft-mbelshe-httpbis-spdy-00 and its 3.1 changes). What header blocks hold is header-block.ts's.

const VERSION = 3;
/** Bytes before a frame's payload. */
const HEAD = 8;
/** Control frames of the clients we know are a few hundred bytes long; a longer one is refused before it is read. */
const CONTROL_LIMIT = 64 * 1024;

export const FIN = 0x01;

const TYPES = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;
const NAMES = new Map<number, keyof typeof TYPES>(
  Object.entries(TYPES).map(([name, number]) => [number, name as keyof typeof TYPES]),
);

/** Status codes of RST_STREAM (2.6.3). */
export const RESET = {
  PROTOCOL_ERROR: 1,
  INVALID_STREAM: 2,
  REFUSED_STREAM: 3,
  CANCEL: 5,
  STREAM_ALREADY_CLOSED: 9,
} as const;

export type Frame =
  | { readonly type: 'DATA'; readonly streamId: number; readonly fin: boolean; readonly data: Buffer }
  /** `block` is compressed with the connection's one dictionary. */
  | { readonly type: 'SYN_STREAM'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'SYN_REPLY' | 'HEADERS'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'RST_STREAM'; readonly streamId: number; readonly status: number }
  | { readonly type: 'PING'; readonly id: number }
  | { readonly type: 'GOAWAY'; readonly lastStreamId: number; readonly status: number }
  | { readonly type: 'WINDOW_UPDATE'; readonly streamId: number; readonly delta: number }
  | { readonly type: 'SETTINGS'; readonly settings: ReadonlyMap<number, number> };

/** What the peer sent is no SPDY/3.1: the connection is of no use any more. */
export class ProtocolError extends Error {}

/** The head of a DATA frame; its payload follows it as it is. */
export function dataHead(streamId: number, length: number, flags: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32BE(streamId & 0x7fffffff, 0);
  head.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return head;
}

export function encodeFrame(frame: Exclude<Frame, { type: 'DATA' }>): Buffer {
  switch (frame.type) {
    case 'SYN_STREAM':
      // Stream, associated stream (none), priority and slot (both 0).
      return control(TYPES.SYN_STREAM, frame.fin ? FIN : 0, [words(frame.streamId, 0), Buffer.alloc(2), frame.block]);
    case 'SYN_REPLY':
    case 'HEADERS':
      return control(TYPES[frame.type], frame.fin ? FIN : 0, [words(frame.streamId), frame.block]);
    case 'RST_STREAM':
      return control(TYPES.RST_STREAM, 0, [words(frame.streamId, frame.status)]);
    case 'PING':
      return control(TYPES.PING, 0, [words(frame.id)]);
    case 'GOAWAY':
      return control(TYPES.GOAWAY, 0, [words(frame.lastStreamId, frame.status)]);
    case 'WINDOW_UPDATE':
      return control(TYPES.WINDOW_UPDATE, 0, [words(frame.streamId, frame.delta)]);
    case 'SETTINGS':
      return control(TYPES.SETTINGS, 0, [
        words(frame.settings.size),
        ...[...frame.settings].map(([id, value]) => words(id, value)),
      ]);
  }
}

function control(type: number, flags: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return Buffer.concat([head, ...parts]);
}

function words(...numbers: number[]): Buffer {
  const buffer = Buffer.allocUnsafe(numbers.length * 4);
  for (const [index, number] of numbers.entries()) buffer.writeUInt32BE(number >>> 0, index * 4);
  return buffer;
}

/**
 * Cuts the bytes of a connection into frames, however they come. A DATA frame is handed on in pieces, as they arrive, the last
 * one with the frame's FIN: its length is the sender's to choose (up to 16 MiB) and nothing waits for all of it.
 */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #data: { streamId: number; left: number; fin: boolean } | undefined;

  /** Throws ProtocolError. Control frames of unknown types are passed over, as the specification asks. */
  *read(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const frame = this.#data ? this.#dataPiece() : this.#next();
      if (frame === 'more') return;
      if (frame) yield frame;
    }
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  #dataPiece(): Frame | 'more' {
    const { streamId, left, fin } = this.#data!;
    if (left > 0 && this.#rest.length === 0) return 'more';
    const data = this.#take(Math.min(left, this.#rest.length));
    const isLast = data.length === left;
    this.#data = isLast ? undefined : { streamId, left: left - data.length, fin };
    return { type: 'DATA', streamId, fin: isLast && fin, data };
  }

  #next(): Frame | undefined | 'more' {
    if (this.#rest.length < HEAD) return 'more';
    const first = this.#rest.readUInt32BE(0);
    const second = this.#rest.readUInt32BE(4);
    const flags = second >>> 24;
    const length = second & 0xffffff;
    if (first < 0x80000000) {
      this.#take(HEAD);
      this.#data = { streamId: first, left: length, fin: (flags & FIN) !== 0 };
      return undefined;
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== VERSION) throw new ProtocolError(`frame of SPDY version ${version}`);
    if (length > CONTROL_LIMIT) throw new ProtocolError(`control frame of ${length} bytes`);
    if (this.#rest.length < HEAD + length) return 'more';
    this.#take(HEAD);
    return controlFrame(first & 0xffff, flags, this.#take(length));
  }
}

function controlFrame(type: number, flags: number, payload: Buffer): Frame | undefined {
  const name = NAMES.get(type);
  const least = {
    SYN_STREAM: 10,
    SYN_REPLY: 4,
    HEADERS: 4,
    RST_STREAM: 8,
    PING: 4,
    GOAWAY: 8,
    WINDOW_UPDATE: 8,
    SETTINGS: 4,
  };
  if (!name) return undefined;
  if (payload.length < least[name]) throw new ProtocolError(`${name} of ${payload.length} bytes`);
  const fin = (flags & FIN) !== 0;
  const first = payload.readUInt32BE(0);
  const streamId = first & 0x7fffffff;
  const second = payload.length >= 8 ? payload.readUInt32BE(4) : 0;
  switch (name) {
    case 'SYN_STREAM':
      return { type: name, streamId, fin, block: payload.subarray(10) };
    case 'SYN_REPLY':
    case 'HEADERS':
      return { type: name, streamId, fin, block: payload.subarray(4) };
    case 'RST_STREAM':
      return { type: name, streamId, status: second };
    case 'PING':
      return { type: name, id: first };
    case 'GOAWAY':
      return { type: name, lastStreamId: streamId, status: second };
    case 'WINDOW_UPDATE':
      return { type: name, streamId, delta: second & 0x7fffffff };
    case 'SETTINGS':
      return { type: name, settings: settingsOf(payload, first) };
  }
}

/** Each setting is 8 bits of flags, 24 of its id, and 32 of its value. */
function settingsOf(payload: Buffer, count: number): Map<number, number> {
  if (payload.length < 4 + count * 8) throw new ProtocolError(`SETTINGS of ${payload.length} bytes`);
  const at = (index: number): [number, number] => [
    payload.readUInt32BE(4 + index * 8) & 0xffffff,
    payload.readUInt32BE(8 + index * 8),
  ];
  return new Map(Array.from({ length: count }, (_, index) => at(index)));
}
