// Bundles every program into dist/, one chunk shared by all, so that each starts in about 100 ms.
// `node scripts/build.mjs bench` bundles the benchmarks and their child programs into dist/bench/ besides.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
rmSync(`${root}dist`, { recursive: true, force: true });

/** Facts as text that JSON.parse reads when they are needed: twice as fast as compiling them as JavaScript. */
const jsonAsText = {
  name: 'json-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /\.json$/ }, ({ path }) => {
      const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
      return { contents: `export default JSON.parse(${JSON.stringify(text)});`, loader: 'js' };
    });
  },
};

const BENCH = ['run', 'load', 'fill', 'watchers', 'bare-server', 'backend-sync', 'prober'];

const common = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  // Less to read is faster to start; names stay, for stacks and profiles.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [jsonAsText],
  // A native add-on, and what Fastify asks for only when a route has a schema or a test injects a request.
  external: ['classic-level', '@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
};

await build({ ...common, entryPoints: { vitrine: 'lab/cli.ts', testing: 'lab/testing.ts' }, outdir: 'dist' });
if (process.argv[2] === 'bench') {
  // Flat: a benchmark finds its child programs beside the chunk it is in.
  const entryPoints = BENCH.map((name) => `bench/${name}.ts`);
  await build({ ...common, entryPoints, outdir: 'dist/bench', chunkNames: '[name]-[hash]' });
}
