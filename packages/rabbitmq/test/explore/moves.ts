import { acknowledged, down, enqueued, registered, restored, suspected } from './queue.ts';
import { changed } from './state.ts';
import type { Client, Scene, State } from './state.ts';

export interface Move {
  readonly name: string;
  readonly to: State;
}

/** All that may happen next. */
export function movesFrom(state: State, scene: Scene): Move[] {
  const each = state.clients.flatMap((client, index) =>
    ofClient(state, client, index, scene).map(({ name, to }) => ({ name: `${name} ${client.life}`, to })),
  );
  const late = state.adrift.map((message, i) => ({
    name: `a message of a channel that has ended comes: ${message.id} (${message.epoch})`,
    to: enqueued({ ...state, adrift: state.adrift.filter((_, j) => j !== i) }, message, scene),
  }));
  const moves = [...each, ...late];
  return scene.isLossy ? moves : moves.map(({ name, to }) => ({ name, to: heardByAll(to, scene) }));
}

function ofClient(state: State, client: Client, index: number, scene: Scene): Move[] {
  const { status, inbox, published, acked, reading, renewal, repeats } = client;
  if (status === 'gone') return [];
  if (status === 'unregistered') return [{ name: 'registers', to: registered(state, index, scene) }];
  const moves: Move[] = [{ name: 'ends', to: down(state, index, scene) }];
  const [message, ...laterMessages] = published;
  if (message !== undefined) {
    const sent = changed(state, index, { published: laterMessages });
    moves.push({ name: `enqueued: ${message.id} (${message.epoch}) of`, to: enqueued(sent, message, scene) });
  }
  const [tag, ...laterTags] = acked;
  if (tag !== undefined) {
    const sent = changed(state, index, { acked: laterTags });
    moves.push({ name: `acknowledged: ${tag} of`, to: acknowledged(sent, index, tag, scene) });
  }
  if (inbox.length > 0) moves.push({ name: 'hears', to: heard(state, index, scene) });
  if (reading.phase === 'taking' && repeats < scene.repeats) {
    const again = { published: [...published, reading.proposal], repeats: repeats + 1 };
    moves.push({ name: 'proposes once more', to: changed(state, index, again) });
  }
  if (reading.phase === 'holding' && scene.renews && renewal === 'none') {
    const echo = { epoch: reading.kept.epoch, id: `${client.life}.renewal` };
    moves.push({ name: 'renews', to: changed(state, index, { renewal: 'sent', published: [...published, echo] }) });
  }
  if (status === 'suspected') moves.push({ name: 'restored', to: restored(state, index, scene) });
  else if (state.suspicions > 0) {
    for (let kept = scene.isLossy ? 0 : inbox.length; kept <= inbox.length; kept += 1) {
      moves.push({ name: `suspected, with ${kept} still to hear,`, to: suspected(state, index, kept, scene) });
    }
  }
  return moves;
}

function heardByAll(before: State, scene: Scene): State {
  let state = before;
  for (;;) {
    const index = state.clients.findIndex(({ inbox }) => inbox.length > 0);
    if (index < 0) return state;
    state = heard(state, index, scene);
  }
}

/** The client hears of one message that it was served. */
function heard(state: State, index: number, { read }: Scene): State {
  const client = state.clients[index] as Client;
  const [delivery, ...inbox] = client.inbox;
  if (delivery === undefined) throw new Error('Expected a message to hear');
  let { proposals } = client;
  const published = [...client.published];
  // The worst of clocks: it stands still.
  const { reading, dropped } = read(client.reading, delivery, (least) => {
    proposals += 1;
    const proposal = { epoch: least, id: `${client.life}.${proposals}` };
    published.push(proposal);
    return proposal;
  });
  // The acknowledgement of what was taken back does nothing, so it is not a move.
  const isOurs = client.unacked.some(({ tag }) => tag === dropped?.tag);
  const acked = dropped !== undefined && isOurs ? [...client.acked, dropped.tag] : client.acked;
  const next = changed(state, index, { inbox, reading, proposals, published, acked });
  if (client.reading.phase === 'taking' && reading.phase === 'holding') {
    const grant = { epoch: reading.epoch, at: delivery.at, tenure: delivery.tenure };
    return { ...changed(next, index, { grant }), grants: [...next.grants, grant] };
  }
  const isRenewal = reading.phase === 'holding' && delivery.id === `${client.life}.renewal`;
  if (!isRenewal) return next;
  return changed(next, index, { renewal: delivery.tenure === client.grant?.tenure ? 'heard' : 'false' });
}
