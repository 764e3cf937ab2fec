import { join } from "node:path";
import { attack, writeDeep } from "./attack.ts";

await attack({
  name: "160,000 files, 8 find_files and list_dir at once",
  write(folder) {
    for (let index = 0; index < 160_000; index++)
      writeDeep(join(folder, `d${index % 20}/file-number-${index}.txt`), "");
  },
  calls: [
    { name: "find_files", arguments: { glob: "**" } },
    { name: "list_dir", arguments: { path: "d0" } },
  ],
  at_once: 8,
});
