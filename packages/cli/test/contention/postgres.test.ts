import { contention } from './contention.ts';

contention('PostgreSQL', 'postgres');
