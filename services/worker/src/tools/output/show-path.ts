/**
 * A path on one line. A name with control characters is written as a JSON string, so that no file can be named such that
 * it looks like two results, and a model can still give the name back.
 */
export function showPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return /[\u0000-\u001f\u007f\u2028\u2029]/.test(path) ? JSON.stringify(path) : path;
}
