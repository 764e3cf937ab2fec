import { join } from "node:path";
import { attack, writeDeep } from "./attack.ts";

const text = "export function something(value: number): number { return value * 2; }\n".repeat(2000);

await attack({
  name: "60 greps at once",
  write(folder) {
    for (let index = 0; index < 1000; index++) writeDeep(join(folder, `d${index % 20}/${index}.ts`), text);
  },
  calls: [{ name: "grep", arguments: { pattern: "some(thing|body|one) else" } }],
  at_once: 60,
});
