// Debian's packages with a kernel and its modules: up to 6.18 one has both. Since then they are in
// two, and the package that is called image holds nothing.

/** The first series in two packages. */
const IN_TWO_SINCE = { major: 6, minor: 19 };

/** The packages of a release: the one with the kernel first. */
export function imagePackages(release: string): readonly string[] {
  const [, major, minor] = (/^(\d+)\.(\d+)/.exec(release) ?? []).map(Number);
  const { major: since, minor: sinceMinor } = IN_TWO_SINCE;
  const isSplit =
    major !== undefined &&
    minor !== undefined &&
    (major > since || (major === since && minor >= sinceMinor));
  return isSplit
    ? [`linux-binary-${release}`, `linux-modules-${release}`]
    : [`linux-image-${release}`];
}

/** The same package as Debian builds it before it signs the kernel; undefined if there is no such one. */
export function unsignedPackage(name: string): string | undefined {
  if (name.startsWith('linux-binary-')) return name.replace('-binary-', '-binary-unsigned-');
  return name.startsWith('linux-image-') ? `${name}-unsigned` : undefined;
}

/** What to do for an image of a release, and of this version of the packages if that is known. */
export function howToFetch(release: string, version?: string): string {
  const packages = imagePackages(release);
  const command = packages.map((name) => (version ? `${name}=${version}` : name)).join(' ');
  const name =
    packages.length === 1
      ? 'name the .deb with --image.'
      : `leave both .deb files in one directory, and name the one of ${packages[0]} with --image.`;
  return `Fetch the image (it need not be installed): apt-get download ${command}, and ${name}`;
}

/**
 * The release in the name of a package with a kernel, or with what belongs to one; undefined if the
 * name has none.
 * @param file the name of the .deb
 */
export function releaseInName(file: string): string | undefined {
  const name = /^linux-(?:image|binary|binary-unsigned|modules|base)-(\d[^_]*)_/.exec(file)?.[1];
  return name?.replace(/-(?:unsigned|dbg)$/, '');
}

/** Whether a package is one that only depends on those of the newest kernel: "linux-image-amd64". */
export function isMetaPackage(file: string): boolean {
  return /^linux-(?:image|binary|modules)-(?!unsigned-)[a-z][^_]*_/.test(file);
}
