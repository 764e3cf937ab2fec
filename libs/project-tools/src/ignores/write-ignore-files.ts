import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * ripgrep compiles each ignore file by itself and, if the result has more than 10 MB, silently drops all of its rules. The densest
 * rules, such as those of many stars and question marks, reach that at 100 KB. Smaller files also take less memory to compile: half of what
 * files of 64 KB do.
 */
const MAX_FILE_BYTES = 16 * 1024;

/** Writes the lines, which are binary strings, to as many files as ripgrep needs. @returns their paths, in ascending precedence */
export async function writeIgnoreFiles(folder: string, lines: Iterable<string>): Promise<string[]> {
  const files: string[] = [];
  let part: string[] = [];
  let bytes = 0;
  const flush = async () => {
    const file = join(folder, String(files.length));
    await writeFile(file, Buffer.from(part.join(""), "latin1"));
    files.push(file);
    part = [];
    bytes = 0;
  };
  for (const line of lines) {
    if (bytes > 0 && bytes + line.length >= MAX_FILE_BYTES) await flush();
    part.push(`${line}\n`);
    bytes += line.length + 1;
  }
  if (bytes > 0) await flush();
  return files;
}
