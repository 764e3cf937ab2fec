import Fastify from "fastify";
import { expect, test } from "vitest";
import { ApiError, answerErrors } from "./errors.ts";

test("an outage is reported with its cause and not logged for each request; other failures are", async () => {
  const [lines, reported]: [string[], unknown[]] = [[], []];
  const app = Fastify({ logger: { level: "error", stream: { write: (line: string) => void lines.push(line) } } });
  const away = new Error("Connection is closed.");
  const full = Object.assign(new Error("too many connections"), { code: "53300" });
  const late = Object.assign(new Error("a deadline"), { name: "DeadlineExceeded" });
  answerErrors(app, { report: (error) => error !== late && reported.push(error) > 0, onRefusal: () => {} });
  const failures = {
    ticket: new ApiError("unavailable", "x", { cause: away }),
    full,
    late,
    defect: new TypeError("y"),
  };
  for (const [name, failure] of Object.entries(failures)) app.get(`/${name}`, () => Promise.reject(failure));
  const statuses = [];
  for (const name of Object.keys(failures)) statuses.push((await app.inject(`/${name}`)).statusCode);
  expect(statuses).toEqual([503, 503, 503, 500]);
  expect(reported).toEqual([away, full]);
  expect(lines).toHaveLength(2);
});
