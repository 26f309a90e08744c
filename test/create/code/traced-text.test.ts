// Which events copy the text that they are given, by headers as the kernel has them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copiesText, refuseTracedText } from '../../../src/create/code/traced-text.js';

const HEADER = `
TRACE_EVENT(copied,
	TP_PROTO(const char *what, int number),
	TP_STRUCT__entry(
		__string(what, what)
		__field(int, number)
	),
	TP_printk("%s %d", __get_str(what), __entry->number)
);
DECLARE_EVENT_CLASS(teller,
	TP_PROTO(const char *what),
	TP_STRUCT__entry(
		__field(int, number)
		__field( const char *,	what	)
	),
	TP_printk("%s", __entry->what)
);
DEFINE_EVENT(teller, told, TP_PROTO(const char *what), TP_ARGS(what));
DECLARE_EVENT_CLASS(copier, TP_STRUCT__entry( __string(what, what) ));
#define DEFINE_OWN(name) \\
DEFINE_EVENT(copier, name, \\
	TP_PROTO(const char *what), TP_ARGS(what))
DEFINE_OWN(by_macro);
#define DEFINE_PASTED(class, name)	\\
DEFINE_EVENT_CONDITION(class, own_##name,	\\
	TP_PROTO(const char *what), TP_ARGS(what), TP_CONDITION(what))
DEFINE_PASTED(copier, copied);
DEFINE_PASTED(teller, told);
TRACE_EVENT_CONDITION(numbers, TP_STRUCT__entry( __field(int, number) __field(const void *, place) ));
`;

describe('an event', () => {
  it.each([
    ['copied', true],
    ['numbers', true],
    ['told', false],
    ['by_macro', true],
    ['own_copied', true],
    ['own_told', false],
    ['nowhere', false],
  ])('%s copies its text: %s', (event, copies) => {
    expect(copiesText(event, ['/* nothing */', HEADER])).toBe(copies);
  });

  it('that keeps the pointer is refused new text', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ksplice-ts-traced-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'include/trace/events'), { recursive: true });
    writeFileSync(join(folder, 'include/trace/events/told.h'), HEADER);
    const text = (event: string) => ({ text: '"new"', from: 'f', event });
    const refuse = (...events: string[]) =>
      refuseTracedText([{ target: 'vmlinux', traced: events.map(text) }], [folder]);
    expect(() => refuse('copied', 'numbers')).not.toThrow();
    expect(() => refuse('told')).toThrow(
      'vmlinux: f() hands the new text "new" to the event told, which keeps the pointer',
    );
    expect(() => refuse('')).toThrow('hands the new text "new" to a trace');
  });
});
