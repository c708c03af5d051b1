import { expect, test } from 'vitest';
import { mostAtOnce, strictlyIncrease, tokensInOrder } from '../dist/addition-record.js';
import type { Addition } from '../dist/addition-record.js';
import { timelineSvg } from '../dist/timeline-svg.js';
import { timelineText } from '../dist/timeline-text.js';

const hold = (worker: number, startedAt: number, enteredAt: number, leftAt: number, token: string): Addition => {
  return { worker, startedAt, enteredAt, leftAt, value: 1, token };
};

test('the text timeline has a row per process: dots while it waits, a bar while it is inside', () => {
  const additions = [hold(0, 0, 0, 50, '1'), hold(1, 0, 50, 100, '2')];
  expect(timelineText(additions, 2, 31, false)).toBe(
    ['process 1  ██████████          ', 'process 2  ··········██████████', '           0 s            0.1 s'].join(
      '\n',
    ),
  );
});

test('holders that overlap are counted, those that follow each other are not', () => {
  expect(mostAtOnce([hold(0, 0, 0, 50, '1'), hold(1, 0, 50, 100, '2')])).toBe(1);
  expect(mostAtOnce([hold(0, 0, 0, 50, '1'), hold(1, 0, 49, 100, '2'), hold(2, 0, 10, 20, '3')])).toBe(2);
});

test('tokens are compared as integers in the order of entry', () => {
  expect(strictlyIncrease(tokensInOrder([hold(1, 0, 60, 70, '10'), hold(0, 0, 10, 20, '9')]))).toBe(true);
  expect(strictlyIncrease(tokensInOrder([hold(1, 0, 60, 70, '9'), hold(0, 0, 10, 20, '10')]))).toBe(false);
  expect(strictlyIncrease([9n, 9n])).toBe(false);
});

test('text in the picture is escaped', () => {
  const svg = timelineSvg([{ title: 'redis://a?b=1&c=<2>', subtitle: '', additions: [hold(0, 0, 1, 2, '1')] }], 1);
  expect(svg).toContain('redis://a?b=1&amp;c=&lt;2&gt;');
});
