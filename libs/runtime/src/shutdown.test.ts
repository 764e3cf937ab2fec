import { pino } from "pino";
import { expect, test } from "vitest";
import { createReleaser } from "./shutdown.ts";

function stage(stepMs = 1_000) {
  const lines: { step?: string; msg: string }[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const order: string[] = [];
  return { lines, order, releaser: createReleaser(log, stepMs) };
}

test("what was acquired last is released first, one after the other", async () => {
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

test("a release that fails, at once or later, is logged by name and hides no other", async () => {
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

test("a release that hangs is left behind after its time", async () => {
  const { order, lines, releaser } = stage(5);
  releaser.onRelease("first", () => order.push("first"));
  releaser.onRelease("hangs", () => new Promise(() => {}));
  await releaser.release();
  expect(order).toEqual(["first"]);
  expect(lines).toMatchObject([{ step: "hangs", msg: "a release took too long and is left behind" }]);
});

test("everything is released once, also when it is asked for twice", async () => {
  const { order, releaser } = stage();
  releaser.onRelease("only", () => order.push("only"));
  await Promise.all([releaser.release(), releaser.release()]);
  await releaser.release();
  expect(order).toEqual(["only"]);
});
