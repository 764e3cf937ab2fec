import { expect } from "vitest";
import { createRest, type Rest } from "./rest.ts";
import type { System } from "./start-system.ts";

/** What this test asserts of failpoints, from now on: a fault that did not happen proves nothing. */
export function watchFailpoints(system: System) {
  const firstLine = system.lines.length;
  const fired = (point: string) =>
    system.lines.slice(firstLine).filter((line) => line.includes(`failpoint ${point} fired`)).length;

  /** Polls, because the last log lines of a process may arrive after its exit. */
  const expectFired = (...points: string[]) =>
    expect
      .poll(() => points.map((point) => [point, fired(point)]), { timeout: 10_000 })
      .toEqual(points.map((point) => [point, 1]));

  /** Sends a request to an API that dies at the failpoint, and so never answers. */
  async function dieAt(point: string, token: string, act: (rest: Rest) => Promise<unknown>): Promise<void> {
    const dying = await system.start("api", { FAULT_POINTS: `${point}:kill` });
    const rest = createRest(() => dying.url, token);
    expect(await act(rest).catch(() => "lost")).toBe("lost");
    expect(await dying.exited).toBe("SIGKILL");
    await expectFired(point);
  }

  return { fired, expectFired, dieAt };
}
