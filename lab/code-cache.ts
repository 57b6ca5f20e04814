// Starts a built program fast: V8 keeps what it compiled in a file, and the next process neither parses nor compiles that
// again. Most of what a start costs would be compiling; Node 20 has no such cache of its own.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

export interface Bundle {
  /** ASCII text of a script whose value is a CommonJS wrapper: `(function (exports, require, module) { … })`. */
  readonly path: string;
  /** Resolves what the bundle leaves outside. */
  readonly require: NodeJS.Require;
}

/** ms after which a program has run what its start runs, and its compiled form is worth keeping. */
const SETTLED_MS = 3000;
/** Bytes before the cache: CRC-32 of the source, then of the cache. */
const HEADER = 8;

/**
 * Runs the bundle. What it compiles is kept at `caches[0]` when it has run for a while or ends well: functions compile when
 * they are first called, and only those are in there. Until that is there, the next of `caches` that is good will do. A
 * cache that is damaged, or of another source or V8, is not used; where none can be written, starts are slower and nothing else.
 */
export function runBundle({ path, require }: Bundle, caches: readonly string[]): void {
  const source = readFileSync(path);
  const sum = crc32(source);
  const found = findCache(caches, sum);
  const script = new Script(source.toString('latin1'), { filename: path, cachedData: found?.cache });
  const isBest = found?.path === caches[0] && !script.cachedDataRejected;
  if (caches.length > 0 && !isBest) keepLater(script, caches[0], sum);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module);
}

function findCache(paths: readonly string[], sourceSum: number): { path: string; cache: Buffer } | undefined {
  for (const path of paths) {
    const cache = readCache(path, sourceSum);
    if (cache) return { path, cache };
  }
  return undefined;
}

/** V8 compares its own version and the length of the source; that nothing is damaged is checked here. */
function readCache(path: string, sourceSum: number): Buffer | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return undefined; // not there yet, most likely; if it cannot be read, it is not needed either
  }
  const cache = file.subarray(HEADER);
  const isWhole = file.length > HEADER && file.readUInt32BE(4) === crc32(cache);
  return isWhole && file.readUInt32BE() === sourceSum ? cache : undefined;
}

function keepLater(script: Script, path: string, sourceSum: number): void {
  const keep = (): void => {
    clearTimeout(settled);
    process.off('exit', keepAtEnd);
    writeCache(path, sourceSum, script.createCachedData());
  };
  const keepAtEnd = (code: number): void => {
    if (code === 0) keep();
  };
  const settled = setTimeout(keep, SETTLED_MS).unref();
  process.on('exit', keepAtEnd);
}

function writeCache(path: string, sourceSum: number, cache: Buffer): void {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(sourceSum);
  header.writeUInt32BE(crc32(cache), 4);
  const temporary = `${path}.${process.pid}.tmp`; // several processes may do this at once: each file is whole
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, Buffer.concat([header, cache]));
    renameSync(temporary, path);
  } catch {
    // Installed where this user may not write, or the disk is full: it goes without.
    if (existsSync(temporary)) rmSync(temporary);
  }
}
