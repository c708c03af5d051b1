import { contention } from './contention.ts';

contention('files');
