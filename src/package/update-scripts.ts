// The maintainer scripts of an update's package. They are short, for a script that fails leaves a
// package that neither goes in nor out: all decisions are the tool's.

export interface ScriptFacts {
  readonly id: string;
  readonly release: string;
  readonly revision: number;
  /** Path of the tarball on the host. */
  readonly file: string;
  /** SHA-256 of the tarball, hexadecimal. */
  readonly digest: string;
}

/** The scripts, by their names in deb(5). */
export function updateScripts(facts: ScriptFacts): Record<string, string> {
  return {
    preinst: preinst(facts),
    postinst: postinst(facts),
    prerm: prerm(facts),
    postrm: postrm(facts),
  };
}

/** A package of a lower revision is refused before anything of it is unpacked. */
const preinst = ({ id, revision }: ScriptFacts) => `#!/bin/sh
set -e
if [ "$1" = upgrade ] && dpkg --compare-versions "$2" gt ${revision}; then
  echo "ksplice-update-${id}: revision $2 is installed, and ${revision} is older; remove it first (apt-get remove ksplice-update-${id})" >&2
  exit 1
fi
`;

/**
 * The same update again changes nothing. Another one of that id takes the place of the old one, for
 * which this has to be undone. In a chroot or a container the running kernel is somebody else's.
 */
const postinst = ({ id, release, file, digest }: ScriptFacts) => `#!/bin/sh
set -e
case "$1" in configure | abort-remove | abort-deconfigure) ;; *) exit 0 ;; esac
mark=/var/lib/ksplice/packages/${id}
if [ -e "$mark" ] && [ "$(cat "$mark")" != ${digest} ]; then
${leave(id, '  ')}
fi
ksplice-ts install -q ${file} || {
  # 11: it was taken back on this host, because it hurt.
  [ $? = 11 ] || exit 1
  echo "ksplice-update-${id}: neither installed nor applied, until ksplice-ts clear ${id} and ksplice-ts install ${file}" >&2
  exit 0
}
mkdir -p -m 0700 /var/lib/ksplice/packages
echo ${digest} > "$mark"
[ "$(uname -r)" = "${release}" ] || exit 0
${onHost}
[ ! -e /sys/kernel/ksplice/${id} ] || exit 0
ksplice-ts apply -q ${file} ||
  echo "ksplice-update-${id}: not applied now; it is applied at the next boot of Linux ${release}" >&2
`;

const onHost = `! ischroot || exit 0
! { command -v systemd-detect-virt >/dev/null && systemd-detect-virt -q --container; } || exit 0`;

/** What cannot be undone now keeps its package, and its place at the next boot. */
const prerm = ({ id }: ScriptFacts) => `#!/bin/sh
set -e
case "$1" in remove | deconfigure) ;; *) exit 0 ;; esac
${leave(id, '')}
`;

/** Undoes first: a refusal leaves all as it is. */
const leave = (id: string, indent: string) =>
  [
    `if [ -e /sys/kernel/ksplice/${id} ] && ! ischroot; then`,
    `  ksplice-ts undo -q ${id}`,
    'fi',
    `if [ -d /var/lib/ksplice/updates/${id} ]; then`,
    `  ksplice-ts uninstall -q ${id}`,
    'fi',
    `rm -f /var/lib/ksplice/packages/${id}`,
  ]
    .map((line) => `${indent}${line}`)
    .join('\n');

const postrm = ({ id }: ScriptFacts) => `#!/bin/sh
set -e
[ "$1" != purge ] || rm -f /var/lib/ksplice/packages/${id}
rmdir /var/lib/ksplice/packages 2>/dev/null || true
`;
