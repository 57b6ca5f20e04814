import { type Duplex, duplexPair } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { createDeflate, type Deflate, constants as zlib } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataHead, encodeFrame, FIN, type Frame, FrameReader, ProtocolError } from './frames.ts';
import { DICTIONARY, HeaderReader, HeaderWriter } from './header-block.ts';
import { SpdySession, type SpdyStream } from './session.ts';

const framesOf = (bytes: Buffer, pieceLength: number): Frame[] => {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength) {
    frames.push(...reader.read(bytes.subarray(at, at + pieceLength)));
  }
  return frames;
};

describe('frames', () => {
  const block = Buffer.from('block');
  const control: Exclude<Frame, { type: 'DATA' }>[] = [
    { type: 'SYN_STREAM', streamId: 1, fin: false, block },
    { type: 'SYN_REPLY', streamId: 1, fin: true, block },
    { type: 'HEADERS', streamId: 3, fin: false, block },
    { type: 'RST_STREAM', streamId: 5, status: 5 },
    { type: 'PING', id: 0xfffffffe },
    { type: 'GOAWAY', lastStreamId: 7, status: 0 },
    { type: 'WINDOW_UPDATE', streamId: 7, delta: 65_536 },
    {
      type: 'SETTINGS',
      settings: new Map([
        [4, 100],
        [7, 65_536],
      ]),
    },
  ];

  it.each([1, 7, 1000])('are read back, in pieces of %i bytes', (length) => {
    expect(framesOf(Buffer.concat(control.map(encodeFrame)), length)).toEqual(control);
  });

  it('are as the specification draws them', () => {
    expect(encodeFrame({ type: 'PING', id: 1 }).toString('hex')).toBe('80030006' + '00000004' + '00000001');
    expect(encodeFrame({ type: 'RST_STREAM', streamId: 1, status: 5 }).toString('hex')).toBe(
      '80030003' + '00000008' + '0000000100000005',
    );
    expect(dataHead(5, 3, FIN).toString('hex')).toBe('00000005' + '01000003');
  });

  it('of data are handed on as they come, the end with the last piece', () => {
    const bytes = Buffer.concat([dataHead(3, 5, FIN), Buffer.from('hello'), dataHead(3, 0, FIN)]);
    const read = framesOf(bytes, 10) as (Frame & { type: 'DATA' })[];
    expect(read.map(({ data, fin }) => [data.toString(), fin])).toEqual([
      ['he', false],
      ['llo', true],
      ['', true],
    ]);
  });

  it.each([
    ['another version', Buffer.from('8002000600000004', 'hex'), 'SPDY version 2'],
    ['a control frame that would never end', Buffer.from('8003000100ffffff', 'hex'), 'control frame of 16777215 bytes'],
    ['one too short for its kind', Buffer.from('800300030000000400000001', 'hex'), 'RST_STREAM of 4 bytes'],
  ])('refuse %s', (_what, bytes, message) => {
    expect(() => framesOf(bytes, 100)).toThrow(message);
    expect(() => framesOf(bytes, 100)).toThrow(ProtocolError);
  });

  it('of unknown kinds are passed over', () => {
    const unknown = Buffer.from('8003006300000002abcd', 'hex');
    expect(framesOf(Buffer.concat([unknown, encodeFrame({ type: 'PING', id: 1 })]), 3)).toEqual([
      { type: 'PING', id: 1 },
    ]);
  });
});

/** As the other side writes blocks: deflated with the dictionary, each ended by a flush. */
class ClientHeaders {
  readonly #deflate: Deflate = createDeflate({ dictionary: DICTIONARY });

  write(pairs: readonly (readonly [string, string])[]): Promise<Buffer> {
    const words = pairs.flat().flatMap((word) => [uint32(Buffer.byteLength(word)), Buffer.from(word)]);
    this.#deflate.write(Buffer.concat([uint32(pairs.length), ...words]));
    return new Promise((resolve) => {
      this.#deflate.flush(zlib.Z_SYNC_FLUSH, () => resolve(this.#deflate.read() as Buffer));
    });
  }
}

const uint32 = (number: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};

describe('header blocks', () => {
  it('begin with the dictionary of the specification', () => {
    let [low, high] = [1, 0];
    for (const byte of DICTIONARY) [low, high] = [(low + byte) % 65_521, (high + low + byte) % 65_521];
    expect([DICTIONARY.length, ((high << 16) | low) >>> 0]).toEqual([1423, 0xe3c6a7c2]);
  });

  it('are one compressed stream over the life of a connection', async () => {
    const [client, reader] = [new ClientHeaders(), new HeaderReader()];
    expect([
      ...(await reader.read(
        await client.write([
          ['StreamType', 'stdin'],
          ['port', '80'],
        ]),
      )),
    ]).toEqual([
      ['streamtype', 'stdin'],
      ['port', '80'],
    ]);
    expect([...(await reader.read(await client.write([['StreamType', 'stdout']])))]).toEqual([
      ['streamtype', 'stdout'],
    ]);
    reader.close();
  });

  it('are written so that they can be read', async () => {
    const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
    for (const headers of [
      new Map(),
      new Map([
        ['a', 'b'],
        ['ö', ''],
      ]),
    ]) {
      expect(await reader.read(writer.write(headers))).toEqual(headers);
    }
    reader.close();
  });

  it.each([
    ['are no zlib', Buffer.from('nonsense')],
    ['say more than they hold', new HeaderWriter().write(new Map([['a', 'b']])).subarray(0, 20)],
  ])('that %s are an error', async (_what, block) => {
    await expect(new HeaderReader().read(block)).rejects.toThrow(ProtocolError);
  });
});

/** A client that opens streams by hand, and keeps what it hears. */
class Client {
  readonly heard: Frame[] = [];
  readonly socket: Duplex;
  /** The server's end. */
  readonly far: Duplex;
  readonly streams: SpdyStream[] = [];
  readonly over: Promise<void>;
  readonly #headers = new ClientHeaders();
  #wake = (): void => {};

  constructor() {
    const [near, far] = duplexPair();
    this.socket = near;
    this.far = far;
    this.over = new SpdySession(far, (stream) => this.streams.push(stream)).run();
    const reader = new FrameReader();
    near.on('data', (chunk: Buffer) => {
      this.heard.push(...reader.read(chunk));
      this.#wake();
    });
  }

  async open(streamId: number, streamType: string, fin = false): Promise<SpdyStream> {
    await this.syn(streamId, streamType, fin);
    await this.until((frame) => frame.type === 'SYN_REPLY' && frame.streamId === streamId);
    return this.streams.at(-1)!;
  }

  async syn(streamId: number, streamType: string, fin = false): Promise<void> {
    const block = await this.#headers.write([['streamType', streamType]]);
    this.socket.write(encodeFrame({ type: 'SYN_STREAM', streamId, fin, block }));
  }

  send(streamId: number, data: string | Buffer, flags = 0): void {
    const bytes = Buffer.from(data);
    this.socket.write(Buffer.concat([dataHead(streamId, bytes.length, flags), bytes]));
  }

  async until(seen: (frame: Frame) => boolean): Promise<void> {
    while (!this.heard.some(seen)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe('a session', () => {
  it('opens streams, passes both directions on and ends each by itself', async () => {
    const client = new Client();
    const stdin = await client.open(1, 'stdin');
    const stdout = await client.open(3, 'stdout');
    expect(stdin.headers.get('streamtype')).toBe('stdin');
    client.send(1, 'hello ');
    client.send(1, 'world', FIN);
    expect(await text(stdin)).toBe('hello world');
    stdout.end('answer');
    await client.until((frame) => frame.type === 'DATA' && frame.streamId === 3 && frame.fin);
    const said = client.heard.flatMap((frame) => (frame.type === 'DATA' && frame.streamId === 3 ? [frame.data] : []));
    expect(Buffer.concat(said).toString()).toBe('answer');
    client.socket.end();
    await client.over;
  });

  it('answers pings, and refuses stream ids that go back', async () => {
    const client = new Client();
    await client.open(3, 'error');
    client.socket.write(encodeFrame({ type: 'PING', id: 9 }));
    await client.until((frame) => frame.type === 'PING' && frame.id === 9);
    await client.syn(1, 'late');
    await client.until((frame) => frame.type === 'RST_STREAM' && frame.streamId === 1);
    client.socket.end();
    await client.over;
    expect(client.streams).toHaveLength(1);
  });

  it('lets a client wait whose stream nobody reads, and loses nothing of what it sent', async () => {
    const client = new Client();
    const stream = await client.open(1, 'stdin');
    const sent = Buffer.alloc(4 << 20, 'x');
    for (let at = 0; at < sent.length; at += 65_536) client.send(1, sent.subarray(at, at + 65_536));
    client.send(1, '', FIN);
    await new Promise(setImmediate);
    expect(stream.readableLength).toBeLessThan(1 << 20);
    expect((await buffer(stream)).length).toBe(sent.length);
    client.socket.end();
    await client.over;
  });

  it('ends its streams when the client goes, also one that is not read', async () => {
    const client = new Client();
    const stream = await client.open(1, 'stdin');
    client.send(1, Buffer.alloc(1 << 20));
    await new Promise(setImmediate);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    client.far.destroy();
    await closed;
    await client.over;
  });

  it('ends when it hears what is no SPDY', async () => {
    const client = new Client();
    client.socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(10));
    client.socket.write(Buffer.from('8002000600000004', 'hex'));
    client.socket.end();
    await client.over;
  });
});
