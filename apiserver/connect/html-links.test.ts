import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { outerURL, pageRewriters } from './html-links.ts';

const where = { place: '/api/v1/namespaces/a/pods/b/proxy', hosts: ['10.0.0.1:80', '10.0.0.1'] };

it.each([
  ['/x?y=1#z', `${where.place}/x?y=1#z`],
  ['/', `${where.place}/`],
  ['http://10.0.0.1/x', `${where.place}/x`],
  ['//10.0.0.1:80', `${where.place}/`],
  ['http://example.com/x', 'http://example.com/x'],
  ['//example.com/x', '//example.com/x'],
  ['x/y', 'x/y'],
  ['#here', '#here'],
  [`${where.place}/x`, `${where.place}/x`],
])('%s is seen as %s from outside', (url, outer) => {
  expect(outerURL(url, where)).toBe(outer);
});

/** The page goes through in pieces of so many bytes. */
async function through(page: Buffer, headers: Record<string, string>, size: number): Promise<Buffer> {
  const rewriters = pageRewriters(headers, where)!;
  const pieces = Array.from({ length: Math.ceil(page.length / size) }, (_, n) =>
    page.subarray(n * size, (n + 1) * size),
  );
  const done = pipeline([Readable.from(pieces), ...rewriters]);
  const [rewritten] = await Promise.all([buffer(rewriters.at(-1)!), done]);
  return rewritten;
}

const page = `<p title="a > b">/x</p><A HREF='/x'>é</A><img alt="src=/q" src=/y.png><script>if (a<b) c("/x")</script>`;
const rewritten = page.replace("'/x'", `'${where.place}/x'`).replace('/y.png', `${where.place}/y.png`);
const html = { 'content-type': 'text/html; charset=utf-8' };

it.each([1000, 7, 1])('links of a page are rewritten, and nothing else is, by %i bytes', async (size) => {
  expect((await through(Buffer.from(page), html, size)).toString()).toBe(rewritten);
});

it('a packed page is unpacked for it and packed again', async () => {
  const packed = await through(gzipSync(page), { ...html, 'content-encoding': 'gzip' }, 10);
  expect(gunzipSync(packed).toString()).toBe(rewritten);
});

it('other answers go out as they are', () => {
  expect(pageRewriters({ 'content-type': 'application/json' }, where)).toBeUndefined();
  expect(pageRewriters({ ...html, 'content-encoding': 'br' }, where)).toBeUndefined();
});
