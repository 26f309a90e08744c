// A change that takes something out of the program, for which a test must fail.

export interface Mutant {
  /** What is missing with it. */
  readonly without: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file, or a folder of them. */
  readonly tests: string;
  /** A regular expression for the full names of the tests; all of the file without. */
  readonly only?: string;
}

/**
 * A mutant of some folder of the tool.
 * @param source the folder below src, with a slash behind it; tests are below `tests`
 */
export const mutantsIn =
  (source: string, tests: string) =>
  (
    without: string,
    file: string,
    find: string,
    replace: string,
    test: string,
    only?: string,
  ): Mutant => ({
    without,
    file: `src/${source}${file}`,
    find,
    replace,
    tests: `test/${tests}${test}`,
    ...(only === undefined ? {} : { only }),
  });
