// The gRPC health check (grpc/grpc-proto health.proto; upstream pkg/probe/grpc/grpc.go): one call over HTTP/2 in the clear. Its two
// messages are so small that they are written and read by hand.
import { connect, constants } from 'node:http2';

export interface GRPCTarget {
  readonly host: string;
  readonly port: number;
  /** '' asks for the server as a whole. */
  readonly service: string;
}

/** Of HealthCheckResponse.ServingStatus. */
const STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const UNIMPLEMENTED = 12;

/** Undefined when the service serves; else what is wrong, in upstream's words. */
export function checkGRPC({ host, port, service }: GRPCTarget, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const address = `${host}:${port}`;
    const session = connect(`http://${address}`);
    const end = (problem: string | undefined): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(problem);
    };
    const late = `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`;
    const timer = setTimeout(() => end(late), timeoutMs);
    let isConnected = false;
    session.on('connect', () => {
      isConnected = true;
    });
    const broken = (): void =>
      end(isConnected ? 'error: health rpc probe failed' : `error: failed to connect to "${address}"`);
    session.on('error', broken);
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    const chunks: Buffer[] = [];
    let grpcStatus: number | undefined;
    const note = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) grpcStatus = Number(headers['grpc-status']);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', broken);
    stream.on('end', () => end(verdict(grpcStatus, Buffer.concat(chunks))));
    stream.end(encodeRequest(service));
  });
}

function verdict(grpcStatus: number | undefined, body: Buffer): string | undefined {
  if (grpcStatus === UNIMPLEMENTED)
    return 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)';
  if (grpcStatus !== 0) return `error: health rpc probe failed: rpc error: code = ${grpcStatus ?? 'Unavailable'}`;
  const status = servingStatus(body);
  return status === 'SERVING' ? undefined : `service unhealthy (responded with "${status}")`;
}

/** Length-prefixed (gRPC over HTTP/2): a flag, four bytes of length, `service = 1`. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const message = name.length > 0 ? Buffer.concat([Buffer.from([0x0a, name.length]), name]) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

/** `status = 1` of the answer; absent means its zero value. */
export function servingStatus(body: Buffer): string {
  const message = body.subarray(5);
  return STATUS[message[0] === 0x08 ? message[1] : 0] ?? 'UNKNOWN';
}
