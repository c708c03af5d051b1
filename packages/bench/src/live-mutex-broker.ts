/** `live-mutex-broker.js <host> <port>`: live-mutex's broker, as its users run it, in a process of its own. Ends with its parent. */
import liveMutex from 'live-mutex';

const [host = '', port = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit());
const broker = new liveMutex.Broker({ host, port: Number(port) });
broker.emitter.on('warning', () => undefined);
await broker.ensure();
process.send?.('ready');
