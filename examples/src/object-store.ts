/**
 * A small object store with what S3, Google Cloud Storage and Azure Blob Storage all have: an ETag with every object, and writes on the
 * condition that it is still the same (`If-Match`, `If-None-Match: *`; RFC 9110, section 13). It keeps objects in memory and knows no
 * users; all that matters here, the comparison and the write in one step, is as the big ones do it.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
}

export function objectStore(): Server {
  const objects = new Map<string, StoredObject>();
  return createServer((request, response) => {
    buffer(request).then(
      (body) => answer(objects, request, response, body),
      // The client has gone before its body was here: that changes nothing.
      () => response.destroy(),
    );
  });
}

/** Without an await, so that nobody comes between the comparison and the write. */
function answer(
  objects: Map<string, StoredObject>,
  { method, headers, url = '/' }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  const current = objects.get(url);
  if (method === 'GET') {
    if (current === undefined) response.writeHead(404).end();
    else response.writeHead(200, { etag: current.etag }).end(current.body);
  } else if (method !== 'PUT') {
    response.writeHead(405, { allow: 'GET, PUT' }).end();
  } else if (!preconditionHolds(headers, current)) {
    response.writeHead(412).end();
  } else {
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    objects.set(url, { body, etag });
    response.writeHead(current === undefined ? 201 : 200, { etag }).end();
  }
}

function preconditionHolds(headers: IncomingHttpHeaders, current: StoredObject | undefined): boolean {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined && match !== current?.etag) return false;
  return noneMatch !== '*' || current === undefined;
}
