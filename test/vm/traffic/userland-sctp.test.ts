import { expect, it } from 'vitest';
import { parsePackets } from './userland-sctp.js';

it('reads packets with one chunk and with several, of both versions of IP', () => {
  const text = [
    '13:43:00.036041 IP 127.0.0.1.61349 > 127.0.0.1.7: sctp (1) [INIT] [init tag: 42] [OS: 10] ',
    '13:43:00.098663 IP 127.0.0.1.7 > 127.0.0.1.61349: sctp (1) [ABORT] ',
    '13:43:00.383407 IP6 ::1.7 > ::1.61349: sctp (1) [HB REQ] ',
    '13:43:00.4 IP 127.0.0.1.1 > 127.0.0.1.7: sctp (1) [COOKIE ECHO] , (2) [DATA] (B)(E) [TSN: 2] ',
    'tcpdump: listening on lo',
  ].join('\n');
  expect(parsePackets(text)).toEqual([
    { from: '127.0.0.1.61349', to: '127.0.0.1.7', chunks: ['INIT'] },
    { from: '127.0.0.1.7', to: '127.0.0.1.61349', chunks: ['ABORT'] },
    { from: '::1.7', to: '::1.61349', chunks: ['HB REQ'] },
    { from: '127.0.0.1.1', to: '127.0.0.1.7', chunks: ['COOKIE ECHO', 'DATA'] },
  ]);
});
