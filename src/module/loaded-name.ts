/**
 * The name that a module has when it is loaded: kbuild turns dashes into underscores in it.
 * @param path of its file, or its name, without the ending
 */
export function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replaceAll('-', '_');
}
