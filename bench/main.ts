import { readdirSync } from "node:fs";
import { openLab } from "./lab.ts";
import { readOptions } from "./options.ts";
import { describeMachine } from "./report/machine.ts";
import { citations } from "./scenarios/citations.ts";
import { claimTurn } from "./scenarios/claim-turn.ts";
import { cost } from "./scenarios/cost.ts";
import { deleteProjects } from "./scenarios/delete-project.ts";
import { fanout } from "./scenarios/fanout.ts";
import { gatewayChecks } from "./scenarios/gateway-checks.ts";
import { history } from "./scenarios/history.ts";
import { memory } from "./scenarios/memory.ts";
import { readFile } from "./scenarios/read-file.ts";
import { relay } from "./scenarios/relay.ts";
import { scale } from "./scenarios/scale.ts";
import { search } from "./scenarios/search.ts";
import { tools } from "./scenarios/tools.ts";
import { turns, turnsAtOnce } from "./scenarios/turns.ts";

/*
 * `npm run build && npm run bench -- NAME… [options]`: see options.ts and docs/performance.md.
 *
 * An attack (`attacks/limits/posts`) has its own measure and no options; it prints a line of JSON and is the only one of its run.
 */
const BENCHMARKS = {
  ...{ relay, turns, "turns-at-once": turnsAtOnce, fanout, tools, history, cost, citations, memory },
  "read-file": readFile,
  ...{ "claim-turn": claimTurn, "delete-project": deleteProjects, "gateway-checks": gatewayChecks, scale, search },
};

const attacks = readdirSync(new URL("attacks", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter(
    (file) => !/(^|\/)(run-attack|attack|attack-sockets|attack-system|fake-model|memory|open-socket)\.ts$/.test(file),
  )
  .flatMap((file) => /^(.*)\.ts$/.exec(`attacks/${file}`)?.[1] ?? []);

const { names, options } = readOptions(process.argv.slice(2));
const isBenchmark = (name: string): name is keyof typeof BENCHMARKS => Object.hasOwn(BENCHMARKS, name);
const [attack] = names;
if (attack !== undefined && attacks.includes(attack)) {
  console.log(describeMachine(undefined));
  await import(new URL(`${attack}.ts`, import.meta.url).href);
} else if (names.length === 0 || !names.every(isBenchmark)) {
  console.error(`name some of: ${Object.keys(BENCHMARKS).join(", ")}; or one of: ${attacks.join(", ")}`);
  process.exitCode = 2;
} else {
  console.log(describeMachine(options.base));
  const lab = openLab(options);
  try {
    for (const name of names) await BENCHMARKS[name](lab);
  } finally {
    await lab.close();
  }
  process.exit();
}
