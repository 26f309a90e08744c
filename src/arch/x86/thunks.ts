// The stubs that indirect branches and returns are sent through.

/** Followed by the name of a register. */
export const INDIRECT_THUNK = '__x86_indirect_thunk_';

export const RETURN_THUNK = '__x86_return_thunk';

/** Whether an indirect call or jump is sent through a function, whatever else that does. */
export function isIndirectThunk(name: string): boolean {
  return /^__x86_indirect_(\w+_)?thunk_/.test(name);
}
