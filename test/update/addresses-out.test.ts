import { describe, expect, it } from 'vitest';
import {
  type AddressOut,
  addressInWords,
  formatAddresses,
  parseAddresses,
} from '../../src/update/addresses-out.js';

const ONE: AddressOut = { symbol: 'tick', kind: 'function', from: 'work', how: 'pointed', to: '' };
const TEXT: AddressOut = {
  symbol: '"a name"',
  kind: 'literal',
  from: 'setup',
  how: 'passed',
  to: 'request_threaded_irq',
};

describe('addresses-out', () => {
  it('is read as it was written', () => {
    expect(parseAddresses(formatAddresses([ONE, TEXT]))).toEqual([ONE, TEXT]);
    expect(parseAddresses('')).toEqual([]);
  });

  it.each([
    ['no JSON', 'work tick'],
    ['no object', '7'],
    ['a way that is not known', JSON.stringify({ ...ONE, how: 'lent' })],
    ['a kind that is not known', JSON.stringify({ ...ONE, kind: 'thing' })],
    ['a number', JSON.stringify({ ...ONE, symbol: 7 })],
    ['what acts on a terminal', JSON.stringify({ ...ONE, from: '\u001b[2J' })],
  ])('is damaged: %s', (_, text) => {
    expect(parseAddresses(`${text}\n`)).toBeUndefined();
  });

  it('is told in a sentence', () => {
    expect(addressInWords(ONE)).toBe('work points at tick()');
    expect(addressInWords(TEXT)).toBe(
      'setup() passes the address of "a name" to request_threaded_irq()',
    );
    expect(addressInWords({ ...TEXT, to: 'a function that a pointer leads to' })).toBe(
      'setup() passes the address of "a name" to a function that a pointer leads to',
    );
  });
});
