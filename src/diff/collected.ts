// Sections that the linker or the module loader makes one array of: their entries were
// found at boot or when the module was loaded. New code is a module, so the module loader
// and the notifiers for new modules find the entries of some of these sections in it; those
// are kept. Other entries have no effect in new code, or another effect than the patch
// intends.
//
// The list is that of find_module_sections() in kernel/module/main.c, and of the linker scripts.

import type { Section } from '../elf/object.js';

interface Collected {
  readonly sections: RegExp;
  /** What becomes of an entry that is new. */
  readonly isNew: 'kept' | 'noted' | 'refused';
  /** What finds it, and when. */
  readonly why: string;
}

const COLLECTED: readonly Collected[] = [
  {
    sections: /^___srcu_struct_ptrs$/,
    isNew: 'kept',
    why: 'the module loader initialises its entries, once',
  },
  {
    sections: /^_error_injection_whitelist$/,
    isNew: 'noted',
    why: 'the list is read at boot or when the module is loaded',
  },
  {
    sections: /^\.pci_fixup/,
    isNew: 'refused',
    why: 'the kernel finds PCI fixups in an array that the linker made',
  },
  {
    sections: /^(__tracepoints|__bpf_raw_tp_map|_ftrace_events|_ftrace_eval_map)/,
    isNew: 'refused',
    why: 'trace events are registered at boot or when their module is loaded',
  },
  {
    sections: /^__syscalls_metadata$/,
    isNew: 'refused',
    why: 'system calls are registered for tracing at boot',
  },
  {
    sections: /^__dyndbg_classes$/,
    isNew: 'refused',
    why: 'classes of dynamic debug are found at boot or when their module is loaded',
  },
  {
    sections: /^\.kunit_(init_)?test_suites$/,
    isNew: 'refused',
    why: 'tests are run at boot or when their module is loaded',
  },
  {
    sections: /^\.static_call_tramp_key$/,
    isNew: 'refused',
    why: 'the list of static call keys was made when the kernel or module was linked',
  },
  {
    sections: /^\.BTF_ids$/,
    isNew: 'refused',
    why: 'BTF ids were filled in when the kernel was linked',
  },
];

function find({ name }: Pick<Section, 'name'>): Collected | undefined {
  return COLLECTED.find(({ sections }) => sections.test(name));
}

/** Who collects the entries of a section, and when; undefined if that is not known. */
export function whyCollected(section: Pick<Section, 'name'>): string | undefined {
  return find(section)?.why;
}

/** What becomes of an entry that is new, in a section that is none of code or data. */
export function fateOfNew(section: Section): 'kept' | 'noted' | 'refused' {
  return find(section)?.isNew ?? 'refused';
}
