// All mechanisms by which a kernel rewrites its code, in the order in which
// it applies them (alternative_instructions() and module_finalize()): what
// comes later finds what came before.

import type { FormsOf, Site, SiteCode } from '../../site.js';
import { alternativeSites } from './alternative.js';
import { endbrSites } from './endbr.js';
import { ftraceSites } from './ftrace.js';
import { jumpLabelSites } from './jump-label.js';
import { lockSites } from './lock-prefix.js';
import { paravirtSites } from './paravirt.js';
import { retpolineSites } from './retpoline.js';
import { returnSites } from './return.js';
import { runtimeConstantSites } from './runtime-constant.js';
import { staticCallSites } from './static-call.js';

/**
 * All sites of an object, in patching order.
 *
 * @param formsOf reads other code of the same object with its sites
 * @throws KspliceError `unsupported-object` if a table is not understood
 */
export function collectSites(code: SiteCode, formsOf: FormsOf): Site[] {
  return [
    ...paravirtSites(code),
    ...retpolineSites(code),
    ...returnSites(code),
    ...alternativeSites(code, formsOf),
    ...lockSites(code),
    ...staticCallSites(code),
    ...jumpLabelSites(code),
    ...ftraceSites(code),
    ...endbrSites(code),
    ...runtimeConstantSites(code),
  ];
}
