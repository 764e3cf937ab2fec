/** ripgrep's complaint about a pattern or glob, without the advice that only fits its command line. */
export function explainRipgrepError(complaint: string): string {
  if (complaint.includes("multiline mode")) {
    return "invalid pattern: the search goes line by line, so a pattern cannot hold a line break; search for one of the lines";
  }
  const words = complaint
    .replace(/^rg: /, "")
    .replace(/\n+Consider [\s\S]*$/, "")
    .trimEnd();
  if (words.includes("error parsing glob")) return `invalid glob: ${words}`;
  const advice = /look-around|backreferences/.test(words) ? "\n(look-around and backreferences are not available)" : "";
  return `invalid pattern: ${words}${advice}\n(fixed_string: true searches for the text as it stands)`;
}
