import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, writeDeep } from "./attack.ts";

const rules = Array.from({ length: 14_000 }, (_, index) => `rule-number-${index}`).join("\n");

await attack({
  name: "2,000 .gitignore files of 256 KB, 12 greps at once",
  write(folder) {
    for (let index = 0; index < 2000; index++) writeDeep(join(folder, `d${index}/.gitignore`), rules);
    writeFileSync(join(folder, "a.txt"), "word\n");
  },
  calls: [{ name: "grep", arguments: { pattern: "word" } }],
  at_once: 12,
});
