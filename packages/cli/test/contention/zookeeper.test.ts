import { contention } from './contention.ts';

contention('ZooKeeper', 'zookeeper');
