import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';
import { TOOL_IN_GUEST } from '../vm/ksplice.js';

it('compiles the tool for guests with the options that they run it with', () => {
  const [, ...words] = TOOL_IN_GUEST.split(' ');
  const options = words.filter((word) => word.startsWith('--')).join(' ');
  expect(options).not.toBe('');
  const script = readFileSync(join(ROOT, 'test/setup/modules.sh'), 'utf8');
  expect(script).toContain(` node ${options} bin/bundle.mjs\n`);
});
