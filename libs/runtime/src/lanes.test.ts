import { expect, test, vi } from "vitest";
import { createLanes } from "./lanes.ts";

/** Starts tasks that end when the test lets them. */
function tasks(lanes: ReturnType<typeof createLanes>) {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string) =>
    lanes.run(name.charAt(0), async () => {
      started.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      if (name.endsWith("!")) throw new Error(name);
      return name;
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { started, start, settled, end: (name: string) => ends.get(name)?.() };
}

test("of one user two tasks run at once, the others in their order, and another user waits for none of them", async () => {
  const { started, start, settled, end } = tasks(createLanes({ atOnce: 2, leastMs: 0, longestWaitMs: 60_000 }));
  const all = ["a1", "a2!", "a3", "a4", "b1"].map((name) => start(name).catch((error: Error) => error.message));
  await settled();
  expect(started).toEqual(["a1", "a2!", "b1"]);
  end("a2!");
  await settled();
  // One that comes now is last.
  all.push(start("a5"));
  expect(started).toEqual(["a1", "a2!", "b1", "a3"]);
  for (const name of ["a1", "a3", "b1"]) end(name);
  await settled();
  expect(started.slice(4)).toEqual(["a4", "a5"]);
  for (const name of ["a4", "a5"]) end(name);
  expect(await Promise.all(all)).toEqual(["a1", "a2!", "a3", "a4", "b1", "a5"]);
});

test("a task that is done keeps its place for the least time, and its caller does not wait for that", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const lanes = createLanes({ atOnce: 2, leastMs: 100, longestWaitMs: 60_000 });
    const started: number[] = [];
    const begin = performance.now();
    const start = () => lanes.run("a", async () => void started.push(performance.now() - begin));
    await Promise.all([start(), start()]);
    const rest = [start(), start(), start()];
    for (let ms = 0; ms < 300; ms += 10) await vi.advanceTimersByTimeAsync(10);
    await Promise.all(rest);
    expect(started).toEqual([0, 0, 100, 100, 200]);
  } finally {
    vi.useRealTimers();
  }
});

test("a task that has waited for the longest time runs beside those that hang, and does not count twice", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { started, start, settled, end } = tasks(createLanes({ atOnce: 1, leastMs: 0, longestWaitMs: 500 }));
    for (const name of ["a1", "a2", "a3"]) void start(name);
    vi.advanceTimersByTime(499);
    await settled();
    expect(started).toEqual(["a1"]);
    vi.advanceTimersByTime(1);
    await settled();
    expect(started).toEqual(["a1", "a2", "a3"]);
    void start("a4");
    for (const name of ["a1", "a2"]) end(name);
    await settled();
    expect(started).toHaveLength(3);
    end("a3");
    await settled();
    expect(started).toEqual(["a1", "a2", "a3", "a4"]);
    end("a4");
    await settled();
  } finally {
    vi.useRealTimers();
  }
});
