import { changed, unregistered } from './state.ts';
import type { Client, Delivery, Message, Scene, State } from './state.ts';

/** rabbit_fifo with a single active consumer, as far as 040 rests on it: each function is one entry of the log. */

export function registered(state: State, index: number, scene: Scene): State {
  return serve({ ...changed(state, index, { status: 'up' }), waiting: [...state.waiting, index] }, scene);
}

export function enqueued(state: State, message: { epoch: bigint; id: string }, scene: Scene): State {
  return serve({ ...state, fresh: [...state.fresh, { ...message, wasServed: false }] }, scene);
}

/** What was taken back can't be acknowledged any more, even if it was served again: that is a delivery of its own. */
export function acknowledged(state: State, index: number, tag: number, scene: Scene): State {
  const { unacked } = clientOf(state, index);
  return serve(changed(state, index, { unacked: unacked.filter((one) => one.tag !== tag) }), scene);
}

/** Its channel has ended, for whatever reason: its messages return, it goes, and the next one is served. */
export function down(state: State, index: number, scene: Scene): State {
  const { published } = clientOf(state, index);
  const back = putBack(state, index);
  const hasNext = state.lives > 0;
  const gone: State = {
    ...back,
    active: state.active === index ? undefined : state.active,
    waiting: state.waiting.filter((one) => one !== index),
    adrift: [...state.adrift, ...published],
    lives: hasNext ? state.lives - 1 : 0,
    clients: state.clients.map((client, i) => {
      if (i !== index) return client;
      return hasNext
        ? unregistered(scene.clients + scene.lives - state.lives)
        : { ...unregistered(-1), status: 'gone' };
    }),
  };
  return serve(gone, scene);
}

/** Its node can't be reached, it says (`noconnection`): its messages return, it goes to the end of the line, and the next one is served. */
export function suspected(state: State, index: number, heard: number, scene: Scene): State {
  const { tenure, inbox } = clientOf(state, index);
  const back = changed(putBack(state, index), index, {
    status: 'suspected',
    acked: [],
    tenure: tenure + 1,
    inbox: inbox.slice(0, heard),
  });
  const isActive = state.active === index;
  const passed: State = {
    ...back,
    suspicions: state.suspicions - 1,
    active: isActive ? undefined : state.active,
    waiting: isActive ? [...state.waiting, index] : state.waiting,
  };
  return serve(passed, scene);
}

export function restored(state: State, index: number, scene: Scene): State {
  return serve(changed(state, index, { status: 'up' }), scene);
}

function putBack(state: State, index: number): State {
  const back = clientOf(state, index).unacked.map(({ epoch, id }) => ({ epoch, id, wasServed: true }));
  return { ...changed(state, index, { unacked: [] }), returned: [...state.returned, ...back] };
}

function serve(before: State, { prefetch }: Scene): State {
  let state = before;
  if (state.active === undefined) {
    const active = state.waiting.find((index) => clientOf(state, index).status === 'up');
    if (active === undefined) return state;
    state = { ...state, active, waiting: state.waiting.filter((index) => index !== active) };
  }
  const index = state.active as number;
  for (;;) {
    const { unacked } = clientOf(state, index);
    const [message] = [...state.returned, ...state.fresh];
    if (message === undefined || unacked.length >= prefetch) return state;
    state = served(state, index, message);
  }
}

function served(state: State, index: number, message: Message): State {
  const { unacked, inbox, tags, tenure } = clientOf(state, index);
  const { epoch, id, wasServed } = message;
  const delivery: Delivery = { epoch, id, isReturned: wasServed, tag: tags, at: state.served, tenure };
  const next = changed(state, index, {
    unacked: [...unacked, { ...message, tag: tags }],
    inbox: [...inbox, delivery],
    tags: tags + 1,
  });
  return {
    ...next,
    ...(state.returned.length > 0 ? { returned: state.returned.slice(1) } : { fresh: state.fresh.slice(1) }),
    served: state.served + 1,
    greatest: epoch > state.greatest ? epoch : state.greatest,
  };
}

function clientOf(state: State, index: number): Client {
  const client = state.clients[index];
  if (client === undefined) throw new Error(`Expected the index of a client, got ${index}`);
  return client;
}
