import { expect, it } from 'vitest';
import { findFixes, fixesOf, readGivenFixes } from '../../../src/create/change/find-fixes.js';
import { joinPatches } from '../../../src/create/change/parse-patch.js';
import { NO_FIXES } from '../../../src/update/fixes.js';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

/** A diff whose lines say a lot that is none of our business. */
const DIFF = `diff --git a/net/x.c b/net/x.c
index 1234567..89abcde 100644
--- a/net/x.c
+++ b/net/x.c
@@ -1,4 +1,5 @@ commit ${C} upstream.
 /* CVE-2001-0001
-Fixes: 111111111111 ("in the old code")
+Fixes: 222222222222 ("in the new code")
+commit ${C} upstream.

 */
-- 
2.39.5
`;

const STABLE = `From ${B} Mon Sep 17 00:00:00 2001
From: A. Uthor <a@example.org>
Subject: [PATCH] net: x: do not overrun (cve-2026-1234)

commit ${A} upstream.

This is CVE-2026-1234, and its friend CVE-2025-40000 as well.

Fixes: 1da177e4c3f4 ("Linux-2.6.12-rc2")
Fixes: commit 0123456789ab ("later")
Signed-off-by: A. Uthor <a@example.org>
---
 net/x.c | 3 ++-
${DIFF}`;

it('finds what the words of a patch say, and nothing in its diff', () => {
  expect(findFixes(STABLE)).toEqual({
    cves: ['CVE-2025-40000', 'CVE-2026-1234'],
    upstream: [A],
    repairs: ['0123456789ab', '1da177e4c3f4'],
  });
  expect(findFixes(DIFF)).toEqual(NO_FIXES);
  expect(findFixes('')).toEqual(NO_FIXES);
});

it.each([
  ['the stable kernels', `commit ${A} upstream.`],
  ['the stable kernels, their other form', `[ Upstream commit ${A} ]`],
  ['git cherry-pick -x', `(cherry picked from commit ${A})`],
  ["Debian's patches", `Origin: https://git.kernel.org/linus/${A}`],
])('knows upstream commits in the form of %s', (_who, line) => {
  expect(findFixes(`Subject: x\n\n${line}\n\n${DIFF}`).upstream).toEqual([A]);
});

it("takes a commit's own id if it names no other", () => {
  const mail = (id: string) => `From ${id} Mon Sep 17 00:00:00 2001\nSubject: x\n\n${DIFF}`;
  expect(findFixes(mail(A)).upstream).toEqual([A]);
  expect(findFixes(mail('0'.repeat(40))).upstream).toEqual([]);
  const shown = `commit ${A} (HEAD -> main)\nAuthor: A\n\n    words\n\n    Fixes: 0123456789ab ("x")\n`;
  expect(findFixes(shown)).toEqual({ cves: [], upstream: [A], repairs: ['0123456789ab'] });
  // Of several, each for itself.
  expect(findFixes(joinPatches([mail(B), STABLE, `no mail\n${DIFF}`])).upstream).toEqual([A, B]);
});

it('joins what the user says, or takes only that', () => {
  const given = readGivenFixes(['cve-2024-50000', C.toUpperCase()]);
  expect(fixesOf(STABLE, given)).toMatchObject({
    cves: ['CVE-2024-50000', 'CVE-2025-40000', 'CVE-2026-1234'],
    upstream: [A, C],
  });
  const only = readGivenFixes(['none', 'CVE-2024-50000']);
  expect(fixesOf(STABLE, only)).toEqual({ ...NO_FIXES, cves: ['CVE-2024-50000'] });
  expect(fixesOf(STABLE, readGivenFixes(['none']))).toEqual(NO_FIXES);
});

it.each(['CVE-26-1', 'CVE-2026-1234x', '1234567', 'fix'])('refuses --fixes %s', (word) => {
  expect(() => readGivenFixes([word])).toThrow(
    `--fixes: "${word}" is neither a CVE id nor a commit id`,
  );
});
