/** A route that serves one request per resource at a time, on however many machines the application runs. */
import { BackendUnavailableError, LockLostError, LockTimeoutError } from '@holdfast/core';
import type { Lock, Locks } from '@holdfast/core';
import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';
import { StaleTokenError } from './stale-token-error.ts';

/** Changes a document, and stops when `lock.signal` aborts. */
export type Change = (id: string, lock: Lock) => Promise<unknown>;

export function documents(locks: Locks, change: Change, timeout = '5s'): Express {
  const app = express();

  app.put('/documents/:id', async (request, response) => {
    const { id } = request.params;
    const options = { timeout, signal: disconnected(response) };
    response.json(await locks.request(`document:${id}`, options, (lock) => change(id, lock)));
  });

  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    const status = statusOf(error);
    if (response.destroyed) return; // nobody is there to be answered
    if (status === undefined) next(error);
    else
      response
        .status(status)
        .set('Retry-After', '1')
        .json({ error: (error as Error).message });
  });

  return app;
}

/** Who waits for a client that has gone keeps the others waiting. Once the lock is granted, the change is made. */
function disconnected(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort(new Error('The client has disconnected')));
  return controller.signal;
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof LockTimeoutError) return 423; // Locked: others are at it, and took too long
  if (error instanceof StaleTokenError) return 409; // the document itself saw that we were late
  if (error instanceof LockLostError || error instanceof BackendUnavailableError) return 503;
  return undefined;
}
