import { sharedServer } from '@holdfast/testbed';
import { describeReturned } from '../returned.ts';

describeReturned(async () => (await sharedServer('rabbitmq4')).url);
