/**
 * Writes a path on one line. A path with control characters becomes a JSON string, so that a file's name cannot forge a second
 * result and the model can still pass it back.
 */
export function showPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return /[\u0000-\u001f\u007f\u2028\u2029]/.test(path) ? JSON.stringify(path) : path;
}
