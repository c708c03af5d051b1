import { contention } from './contention.ts';

contention('MySQL', 'mysql');
