// A command's streams over a WebSocket: one channel per purpose
// (kubernetes v1.36 staging/src/k8s.io/cri-streaming, remotecommand/websocket.go).
import type { WebSocket } from 'ws';
import { type CommandStreams, encodeOutcome, parseSize, type StreamOptions } from '../command-streams.ts';
import { Channels } from './channels.ts';

export const WEBSOCKET_COMMAND_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;

export function websocketCommand(socket: WebSocket, { stdin, stdout, stderr, tty }: StreamOptions): CommandStreams {
  const channels = new Channels(socket, RESIZE + 1);
  if (!stdin) channels.get(STDIN).resume();
  // Some clients take the first message as the sign that they are connected.
  channels.get(stdout ? STDOUT : stderr && !tty ? STDERR : ERROR).write(Buffer.alloc(0));
  return {
    stdin: stdin ? channels.get(STDIN) : undefined,
    stdout: stdout ? channels.get(STDOUT) : undefined,
    stderr: stderr && !tty ? channels.get(STDERR) : undefined,
    gone: channels.gone,
    onResize(listener) {
      channels.get(RESIZE).on('data', (message: Buffer) => {
        const size = parseSize(message.toString());
        if (size) listener(size);
      });
    },
    async finish(outcome) {
      const said = encodeOutcome(outcome, /^v[45]/.test(socket.protocol));
      if (said) await new Promise((resolve) => channels.get(ERROR).write(said, resolve));
      await channels.close();
    },
  };
}
