import { contention } from './contention.ts';

contention('etcd', 'etcd');
