// Sends requests from wherever it is run, each on a connection of its own, and prints one JSON line per request:
// {"at": ms since the epoch at which it began, "ms": how long it took, "pod": who answered, "error": why nobody did}.
//
//   node load-client.mjs URL COUNT CONCURRENCY [DURATION_MS]
//
// Ends after COUNT requests, or after DURATION_MS, whichever comes first.
import http from 'node:http';

const [url, count, concurrency, durationMs = '60000'] = process.argv.slice(2);
const LIMIT_MS = 2000;
const stopAt = Date.now() + Number(durationMs);
let sent = 0;

function once() {
  const at = Date.now();
  const started = performance.now();
  return new Promise((done) => {
    const finish = (result) => {
      console.log(JSON.stringify({ at, ms: Math.round(performance.now() - started), ...result }));
      done();
    };
    const request = http.get(url, { agent: false, timeout: LIMIT_MS, headers: { connection: 'close' } }, (response) => {
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
  while (sent < Number(count) && Date.now() < stopAt) {
    sent += 1;
    await once();
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, worker));
