// What is taken out of the search for addresses that stay out, and of the pairing of functions
// with another name.

import { type Mutant, mutantsIn } from './mutant.js';

const dangling = mutantsIn('dangling/', 'dangling/');
const find = (without: string, file: string, from: string, to: string) =>
  dangling(without, file, from, to, 'find.test.ts');
const steps = (without: string, from: string, to: string) =>
  mutantsIn('arch/x86/', 'dangling/')(without, 'steps.ts', from, to, 'find.test.ts');
const create = mutantsIn('create/code/', 'create/code/');
const diff = mutantsIn('diff/', 'diff/');

export const danglingMutants: readonly Mutant[] = [
  find(
    'addresses that are stored',
    'follow.ts',
    "return [{ what, how: 'stored', isFrame: step.isFrame }];",
    'return [];',
  ),
  find(
    'addresses that are returned',
    'follow.ts',
    "held & RESULT ? [{ what, how: 'returned' }] : [];",
    '[];',
  ),
  find(
    'both ways of a branch',
    'follow.ts',
    "...this.there(on, step)];\n      case 'jump':",
    "];\n      case 'jump':",
  ),
  find('calls of other new code', 'follow.ts', 'step.end }, ...inside];', 'step.end }];'),
  steps(
    'conditional moves',
    'const mayStay = access === lib.OpAccess.CondWrite;',
    'const mayStay = false;',
  ),
  find(
    'what a structure points at',
    'find.ts',
    "for (const next of pointers.of(thing)) report(next, thing.name, 'pointed');",
    '',
  ),
  find(
    'what is read from a table',
    'follow.ts',
    'if (step.loads && (step.address & (address | content)) !== 0) c |= step.written;',
    '',
  ),
  find('tables that are written in place', 'find.ts', '!tables.includes(name)', 'true'),
  find(
    'arguments that are kept beside one that is not',
    'forgetting.ts',
    'if (part !== undefined) return part;',
    'if (part !== undefined) return ARGUMENTS;',
  ),
  find(
    'results that are in an argument',
    'follow.ts',
    'address: after.address | (state.address & result ? RESULT : 0),',
    'address: after.address,',
  ),
  find(
    'results of a function that is jumped to',
    'follow.ts',
    "if (flow !== 'call' && held & returnedArgument(to)) fates.push({ what, how: 'returned' });",
    '',
  ),
  steps('the frame that text is copied to', '? isCopyToFrame', '? false'),
  steps('the pointer to the frame', 'const frame = hasPointer ? RBP : 0;', 'const frame = 0;'),
  find(
    'tables without a name',
    'things.ts',
    'this.pointers(section, offset) ?? this.text(section, offset)',
    'this.text(section, offset)',
  ),
  find(
    'callbacks of RCU that hand out something',
    'awaited.ts',
    'return !origins.some(handsOut);',
    'return true;',
  ),
  find(
    'what callbacks of RCU call',
    'awaited.ts',
    'for (const one of run) for (const next of follower.calledBy(one)) run.add(next);',
    '',
  ),
  find(
    'what updates below added',
    'things.ts',
    'return { outside: name, elsewhere: known };',
    'return { outside: name };',
  ),
  find(
    'the code behind a warning',
    'ways.ts',
    'for (const at of warnings(things).filter(isUd2)) add(at, { ...at, offset: at.offset + UD2 });',
    '',
  ),
  find(
    'the difference between a warning and a bug',
    'ways.ts',
    'table.data.readUInt16LE(flags) & BUGFLAG_WARNING ? [at] : []',
    '[at]',
  ),
  find(
    'ways to where there is no instruction',
    'follow.ts',
    'if (!step) {',
    'if (!step) continue;\n      if (!step) {',
  ),
  find(
    'jumps by a table',
    'follow.ts',
    "if (step.flow === 'jump' && step.isIndirect && held & ~CLOBBERED) return lost;",
    '',
  ),
  find('registers that are not followed', 'follow.ts', 'if (step.hides & held) return lost;', ''),
  steps('stores that no operand names', 'found.read = RBX | RCX;', 'found.read = 0;'),
  find(
    'the places that only messages get',
    'follow.ts',
    'if (step.near === step.end) return undefined;',
    '',
  ),
  find(
    'operands for which the assembler needs no relocation',
    'follow.ts',
    'if (step.near === undefined || field !== step.displacement) return undefined;',
    'return undefined;',
  ),
  dangling(
    'text that is kept',
    'kept-text.ts',
    'keeping.get(name) ?? (eventOf(name) === undefined ? 0 : ARGUMENTS)',
    '0',
    'forgetting.test.ts',
  ),
  dangling(
    'text for tracepoints',
    'kept-text.ts',
    '(eventOf(name) === undefined ? 0 : ARGUMENTS)',
    '0',
    'traced.test.ts',
  ),
  dangling(
    'text that is marked for traces',
    'traced.ts',
    "if (isMarked(thing)) for (const text of pointers.of(thing)) add(text, name, '');",
    '',
    'traced.test.ts',
  ),
  create(
    'events that keep the pointer',
    'traced-text.ts',
    'if (begin >= 0) return !KEEPS.test(inBraces(text, begin));',
    'if (begin >= 0) return true;',
    'traced-text.test.ts',
  ),
  diff(
    'that the user of a renamed function is the same otherwise',
    'renamed.ts',
    'if (!post || others.length > 0 || reverse.get(post)?.size !== 1) continue;',
    'if (!post) continue;',
    'fixtures.test.ts',
  ),
  diff(
    'functions with another name',
    'renamed.ts',
    'if (gone.size === 0 || added.size === 0) return false;',
    'return false;',
    'fixtures.test.ts',
  ),
  {
    without: 'the hold on new code that others have addresses of',
    file: 'kmodsrc/core.c',
    find: 'if (update->cause == KSPLICE_OK && ksplice_keeps_new_code(update))',
    replace: 'if (false)',
    tests: 'test/vm/dangling.test.ts',
    only: 'opened before',
  },
];
