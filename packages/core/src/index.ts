export * from './contract.ts';
export * from './errors.ts';
export { Lease } from './lease.ts';
