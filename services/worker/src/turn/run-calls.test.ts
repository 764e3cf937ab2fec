import type { ToolCall } from "@boocode/contracts";
import type { RunTool, ToolOutcome } from "@boocode/project-tools/ports";
import { expect, test } from "vitest";
import { runCalls } from "./run-calls.ts";

const calls: ToolCall[] = ["1", "2"].map((id) => ({ id, name: "grep", arguments: {} }));
const outcome = ({ id, name }: ToolCall): ToolOutcome => ({
  output: id,
  result: { tool_call_id: id, name, truncated: false, error: null },
});

test("only the first call reports, and once, that none of the calls runs yet", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const runTool: RunTool = async (call, _signal, onWait) => {
    onWait?.(Number(call.id) + 6);
    await released;
    return outcome(call);
  };
  const running = runCalls(runTool, calls, new AbortController().signal);
  const waiting = { type: "waiting", reason: "tools", retryInMs: null, ahead: 7 };
  expect(await running.next()).toEqual({ done: false, value: waiting });
  release();
  expect(await running.next()).toEqual({ done: true, value: calls.map(outcome) });
});

test("a consumer that stops at the notice leaves no unhandled rejection, and without a wait there is no notice", async () => {
  const stopped = runCalls(
    (_call, _signal, onWait) => {
      onWait?.(0);
      return Promise.reject(new Error("the user cancelled"));
    },
    calls,
    new AbortController().signal,
  );
  await stopped.next().catch(() => {});
  await stopped.return([]);
  const quick = runCalls(async (call) => outcome(call), calls, new AbortController().signal);
  expect(await quick.next()).toEqual({ done: true, value: calls.map(outcome) });
});
