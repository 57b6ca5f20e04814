// Bundles all programs into dist/vitrine.cjs, which lab/code-cache.ts starts fast, and runs some once so that their caches are
// there before the first start; and `vitrine/testing` as modules into dist/testing.js.
// `node scripts/build.mjs bench` bundles the benchmarks and their child programs into dist/bench/ besides.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
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

/** The programs that a lab waits for when it starts. */
const LAB = [
  'lab up',
  'lab supervise',
  'lab machine',
  'lab controllers',
  'lab balancer',
  'apiserver',
  'controllers',
  'node',
  'proxy',
  'dns',
];
const BENCH = [
  ...[
    'run',
    'load',
    'fill',
    'watchers',
    'bare-server',
    'backend-sync',
    'burst',
    'first-packet',
    'dns-load',
    'udp-echo',
  ],
  'tls-pipe',
];

/** The database's native part finds itself by its place in node_modules; the rest of it is bundled as everything else. */
const nativeOutside = {
  name: 'native-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/binding$/ }, ({ importer }) =>
      importer.includes('/classic-level/') ? { path: 'classic-level/binding.js', external: true } : undefined,
    );
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  // Less to read is faster to start; names stay, for stacks and profiles.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [jsonAsText, nativeOutside],
  // What Fastify asks for only when a route has a schema or a test injects a request.
  external: ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  logLevel: 'warning',
};

const modules = {
  ...common,
  format: 'esm',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

const script = {
  ...common,
  format: 'cjs',
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  supported: { 'dynamic-import': false }, // a script with a code cache has none: what is outside is required
};

await build({ ...script, entryPoints: { 'code-cache': 'lab/code-cache.ts' } });
await build({
  ...script,
  entryPoints: { vitrine: 'lab/cli.ts' },
  charset: 'ascii', // the loader reads it so
  banner: { js: '(function (exports, require, module) {' },
  footer: { js: '})' },
});
await Promise.all(LAB.map((name) => promisify(execFile)('bin/vitrine', [...name.split(' '), '--help'], { cwd: root })));
await build({ ...modules, entryPoints: { testing: 'lab/testing.ts' }, outdir: 'dist' });
if (process.argv[2] === 'bench') {
  // Flat: a benchmark finds its child programs beside the chunk it is in.
  const entryPoints = BENCH.map((name) => `bench/${name}.ts`);
  await build({ ...modules, entryPoints, outdir: 'dist/bench', chunkNames: '[name]-[hash]' });
}
