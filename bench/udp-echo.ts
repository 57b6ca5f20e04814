// The limit of one Node process on UDP: sends every datagram back as it came. Runs in a process of its own until SIGTERM; prints its
// port.
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (message, { address, port }) => socket.send(message, port, address));
socket.bind(0, '127.0.0.1', () => process.stdout.write(`${socket.address().port}\n`));
process.once('SIGTERM', () => process.exit(0));
