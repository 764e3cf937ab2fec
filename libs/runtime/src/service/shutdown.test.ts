import { pino } from "pino";
import { expect, test } from "vitest";
import { createReleaser } from "./shutdown.ts";

function stage(stepMs = 1_000) {
  const lines: { step?: string; msg: string }[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const order: string[] = [];
  return { lines, order, releaser: createReleaser(log, stepMs) };
}

test("resources are released one by one, the last acquired first", async () => {
  const { order, releaser } = stage();
  for (const name of ["first", "second", "third"]) {
    releaser.onRelease(name, async () => {
      order.push(`${name} begins`);
      await new Promise(setImmediate);
      order.push(`${name} ends`);
    });
  }
  await releaser.release();
  expect(order).toEqual(["third", "second", "first"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("a failing release is logged by name and does not stop the others", async () => {
  const { order, lines, releaser } = stage();
  releaser.onRelease("first", () => order.push("first"));
  releaser.onRelease("throws", () => {
    throw new Error("at once");
  });
  releaser.onRelease("rejects", () => Promise.reject(new Error("later")));
  await releaser.release();
  expect(order).toEqual(["first"]);
  expect(lines.map((line) => line.step)).toEqual(["rejects", "throws"]);
});

test("a hanging release is skipped after its deadline", async () => {
  const { order, lines, releaser } = stage(5);
  releaser.onRelease("first", () => order.push("first"));
  releaser.onRelease("hangs", () => new Promise(() => {}));
  await releaser.release();
  expect(order).toEqual(["first"]);
  expect(lines).toMatchObject([{ step: "hangs", msg: "a release exceeded its deadline and is skipped" }]);
});

test("every resource is released once, even when the release is requested twice", async () => {
  const { order, releaser } = stage();
  releaser.onRelease("only", () => order.push("only"));
  await Promise.all([releaser.release(), releaser.release()]);
  await releaser.release();
  expect(order).toEqual(["only"]);
});
