import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { repositoryRoot } from "@boocode/backing-services";

/** Where and with what a benchmark ran. */
export function describeMachine(base: string | undefined): string {
  const cores = cpus();
  const commit = (checkout: string) => firstLine("git", ["-C", checkout, "describe", "--always", "--dirty"]);
  return [
    `machine: ${cores.length} × ${cores[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${release()}`,
    `versions: boocode ${commit(repositoryRoot)}${base ? `, base ${commit(base)}` : ""}, Node ${process.versions.node}, ${firstLine("postgres", ["--version"])}, ${firstLine("redis-server", ["--version"])}`,
  ].join("\n");
}

function firstLine(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(
      "\n",
    )[0] as string;
  } catch {
    return `${command}: unknown`;
  }
}
