// Whether an update brings hooks: functions of its own that the core calls around the switch.

import { NEW_CODE } from './new-code.js';
import type { Update } from './update.js';

/**
 * Whether new code registers hooks. What cannot be read may have some, so the answer is yes then.
 */
export function bringsHooks({ contents, modules }: Update): boolean {
  return contents.changes.some(({ newCode }) => {
    const object = modules.get(newCode.module)?.info.object;
    const struct = object?.symbols.find(
      ({ name, size, section }) => name === 'new_code' && size === NEW_CODE.size && section,
    );
    const at = (struct?.value ?? 0) + NEW_CODE.nHooks;
    const data = struct?.section?.data;
    return data === undefined || data.length < at + 4 || data.readUInt32LE(at) !== 0;
  });
}
