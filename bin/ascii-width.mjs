// Stands for string-width in the bundle. The original asks ICU for a segmenter
// and all emoji when it is loaded, which takes longer than a whole `view`; what
// yargs measures with it is our own help, and that is ASCII.

export default function stringWidth(text) {
  return text.length;
}
