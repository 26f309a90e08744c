// Names of functions in few words, as the shell has them: `{spin,read}_{,un}lock` is four names.

/** All names of a text, in its order. */
export function expandNames(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .flatMap(expand);
}

function expand(word: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*?)\{([^{}]*)\}(.*)$/.exec(word) ?? [];
  if (choices === undefined) return [word];
  return choices.split(',').flatMap((choice) => expand(before + choice + after));
}
