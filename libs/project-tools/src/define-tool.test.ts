import { expect, test } from "vitest";
import { z } from "zod";
import { toParameters } from "./define-tool.ts";

test("the schema keeps only what every model server supports", () => {
  const input = z.strictObject({
    path: z.string().max(4096).describe("where"),
    count: z.int().min(1).default(3).describe("how many"),
    size: z.int().min(0).max(5).optional().describe("how large"),
  });
  expect(toParameters(input)).toEqual({
    type: "object",
    properties: {
      path: { type: "string", description: "where" },
      count: { type: "integer", description: "how many; default 3", minimum: 1 },
      size: { type: "integer", description: "how large", minimum: 0, maximum: 5 },
    },
    required: ["path"],
  });
});

test("an input without a plain JSON type is rejected", () => {
  expect(() => toParameters(z.strictObject({ x: z.union([z.string(), z.null()]) }))).toThrow("no plain JSON type");
});
