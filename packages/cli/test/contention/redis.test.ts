import { contention } from './contention.ts';

contention('Redis', 'redis');
