// What this project uses of elfy, which ships no types.
declare module 'elfy' {
  interface Header {
    shentsize: number;
    shnum: number;
    shstrndx: number;
  }
  class Parser {
    parseHeader(data: Buffer): Header;
  }
  const elfy: { Parser: typeof Parser };
  export default elfy;
}
