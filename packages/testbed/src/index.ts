export { freePort } from './port.ts';
export { ServerUnavailableError } from './server.ts';
export type { RunningServer, ServerHandle, ServerOptions, Source } from './server.ts';
export { serverNames } from './servers/index.ts';
export type { ServerName } from './servers/index.ts';
export { sharedServer, startShared } from './shared.ts';
export type { SharedServers } from './shared.ts';
export { startServer } from './start.ts';
