import { contention } from './contention.ts';

contention('Consul', 'consul');
