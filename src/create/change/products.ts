// The files of a kernel tree that are not source: products of an earlier build,
// and files of version control. They stay out of the mirrored tree, because kbuild
// refuses to build outside a tree that was built in, and make would take stale
// products for up-to-date ones (VPATH).

/** Directories that hold nothing but products, relative to the tree. */
const PRODUCT_DIRECTORIES = /^(include\/(config|generated)|arch\/[^/]+\/include\/generated)$/;

const PRODUCT_NAMES =
  /\.(o|a|s|ko|mod|mod\.c|order|symvers|i|so|so\.dbg|symtypes|asn1\.[ch]|dtb|dwo|lst|gcno|gcda)$|^(vmlinux|System\.map|Module\.symvers|modules\.(order|builtin|builtin\.modinfo))$/;

/** Whether a whole directory is left out. */
export function isProductDirectory(path: string): boolean {
  return PRODUCT_DIRECTORIES.test(path);
}

/**
 * Whether a file is left out.
 * @param name its last component
 * @param siblings all names in its directory: kbuild leaves a `.NAME.cmd`
 *   beside each file that it makes
 */
export function isProduct(name: string, siblings: ReadonlySet<string>): boolean {
  // No dot file takes part in a build: .config, .git, .x.o.cmd, .gitignore.
  return name.startsWith('.') || siblings.has(`.${name}.cmd`) || PRODUCT_NAMES.test(name);
}
