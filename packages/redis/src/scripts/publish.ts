/** Lua that sends `message` to `channel`, both Lua expressions, and gives the number of those who got it. */
export type Publish = (channel: string, message: string) => string;

/** On a server of its own. */
export const broadcast: Publish = (channel, message) => `call('PUBLISH', ${channel}, ${message})`;

/**
 * In a cluster: on a channel in the name's own slot, which only the slot's master serves. PUBLISH goes to all nodes and answers with the
 * receivers on one of them. Source: https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub
 */
export const sharded: Publish = (channel, message) => `call('SPUBLISH', KEYS[1] .. ':wake:' .. ${channel}, ${message})`;
