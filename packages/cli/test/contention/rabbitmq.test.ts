import { contention } from './contention.ts';

contention('RabbitMQ', 'rabbitmq');
