import { expect, test } from 'vitest';
import { median, quantile, ratios, spread } from '../dist/stats.js';

test('quantiles are those of R, type 7', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
  expect(quantile([10], 0.9)).toBe(10);
  expect(() => median([])).toThrow(RangeError);
});

test('a spread is the middle and its half', () => {
  expect(spread([1, 2, 3, 4, 5])).toEqual({ median: 3, low: 2, high: 4, count: 5 });
});

test('ratios are those of the same round', () => {
  expect(ratios([10, 40], [5, 10])).toEqual([2, 4]);
  expect(ratios([10, 40, 50], [5, 0])).toEqual([2]);
});
