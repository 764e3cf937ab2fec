import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "./attack.ts";

await attack({
  name: "200 MB of line breaks with start_line 1e9, and 20 KB lines of the pattern",
  write(folder) {
    writeFileSync(join(folder, "breaks.txt"), "\n".repeat(200 * 2 ** 20));
    const line = `${"a".repeat(20_000)}\n`;
    for (let index = 0; index < 20; index++) writeFileSync(join(folder, `${index}.txt`), line.repeat(100));
  },
  calls: [
    { name: "view_file", arguments: { path: "breaks.txt", start_line: 1e9 } },
    { name: "grep", arguments: { pattern: "a", max_results: 500 } },
  ],
  at_once: 8,
});
