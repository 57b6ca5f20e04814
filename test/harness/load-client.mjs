// Sends requests from wherever it is run, each on a connection of its own, and prints one JSON line per request:
// {"at": ms since the epoch at which it began, "ms": how long it took, "pod": who answered, "error": why nobody did}.
//
//   node load-client.mjs URL COUNT CONCURRENCY PAUSE_MS [STOP_FILE]
//
// CONCURRENCY senders each wait PAUSE_MS between an answer and the next request, so that the load leaves the machine room to react.
// Ends after COUNT requests, when STOP_FILE appears, or after three minutes, whichever comes first.
//
// No port of ours is used again within seconds: of a connection that a dying pod has reset the kernel remembers for 10 s where it went,
// and a new one from the same port would follow it there, to a pod that is gone, whatever the rules say by then.
import { existsSync } from 'node:fs';
import http from 'node:http';

const [url, count, concurrency, pauseMs, stopFile] = process.argv.slice(2);
const LIMIT_MS = 2000;
const stopAt = Date.now() + 180_000;
/** Above those a node listens on, below its node ports. */
const PORTS = { first: 12_000, count: 18_000 };
let sent = 0;

function once() {
  const at = Date.now();
  const started = performance.now();
  return new Promise((done) => {
    const finish = (result) => {
      console.log(JSON.stringify({ at, ms: Math.round(performance.now() - started), ...result }));
      done();
    };
    const localPort = PORTS.first + (sent % PORTS.count);
    const headers = { connection: 'close' };
    const request = http.get(url, { agent: false, localPort, timeout: LIMIT_MS, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => finish({ pod: /^pod: (.*)$/m.exec(text)?.[1] }));
      response.on('error', (error) => finish({ error: error.code ?? error.message }));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${LIMIT_MS} ms`)));
    request.on('error', (error) => finish({ error: error.code ?? error.message }));
  });
}

async function worker() {
  while (sent < Number(count) && Date.now() < stopAt && !(stopFile && existsSync(stopFile))) {
    sent += 1;
    await once();
    if (Number(pauseMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, worker));
