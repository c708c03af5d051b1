import { describeReturned } from './returned.ts';
import { sharedUrl } from './scene.ts';

describeReturned(sharedUrl);
