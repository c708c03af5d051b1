import { contention } from './contention.ts';

contention('Kafka', 'kafka');
