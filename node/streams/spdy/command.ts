// A command's streams over SPDY: the client opens one per purpose and names it by the header `streamType`
// (kubernetes v1.36 staging/src/k8s.io/cri-streaming, remotecommand/httpstream.go).
import type { Duplex } from 'node:stream';
import { type CommandStreams, encodeOutcome, parseSize, type StreamOptions } from '../command-streams.ts';
import { SpdySession, type SpdyStream } from './session.ts';

/** What we speak, the newest first. */
export const SPDY_COMMAND_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
/** ms within which a client must have opened its streams (upstream: DefaultStreamCreationTimeout). */
const CREATION_MS = 30_000;

/** Resolves with the streams when all the client asked for are open; undefined when they do not come in time. */
export async function spdyCommand(
  socket: Duplex,
  options: StreamOptions,
  protocol: string,
): Promise<CommandStreams | undefined> {
  const streams = new Map<string, SpdyStream>();
  const wanted = wantedStreams(options, protocol);
  const gone = new AbortController();
  let complete = (): void => {};
  const completed = new Promise<void>((resolve) => {
    complete = resolve;
  });
  const session = new SpdySession(socket, (stream) => {
    streams.set(stream.headers.get('streamtype') ?? '', stream);
    if (wanted.every((name) => streams.has(name))) complete();
  });
  const over = session.run().then(() => gone.abort());
  const timer = setTimeout(complete, CREATION_MS);
  await Promise.race([completed, over]);
  clearTimeout(timer);
  if (!wanted.every((name) => streams.has(name))) {
    session.close();
    return undefined;
  }
  const errors = streams.get('error')!;
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    gone: gone.signal,
    onResize: (listener) => readSizes(streams.get('resize'), listener),
    async finish(outcome) {
      errors.end(encodeOutcome(outcome, protocol.startsWith('v4')));
      for (const name of ['stdout', 'stderr']) streams.get(name)?.end();
      session.close();
      await over;
    },
  };
}

function wantedStreams({ stdin, stdout, stderr, tty }: StreamOptions, protocol: string): string[] {
  const knowsSizes = /^v[34]/.test(protocol);
  const asked = { error: true, stdin, stdout, stderr: stderr && !tty, resize: tty && knowsSizes };
  return Object.entries(asked).flatMap(([name, isAsked]) => (isAsked ? [name] : []));
}

/** The stream is one JSON document after another. */
function readSizes(stream: SpdyStream | undefined, listener: Parameters<CommandStreams['onResize']>[0]): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf('}'); end >= 0; end = rest.indexOf('}')) {
      const size = parseSize(rest.slice(0, end + 1));
      rest = rest.slice(end + 1);
      if (size) listener(size);
    }
  });
}
