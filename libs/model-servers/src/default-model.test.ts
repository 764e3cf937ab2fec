import { describe, expect, it } from "vitest";
import { defaultModel, locateModel, type ServerModels } from "./default-model.ts";
import { readModelName, writeModelName } from "./locate-model.ts";
import type { ModelServer } from "./model-server.ts";

function has(name: string, models: Record<string, boolean | null> | null, own: string | null = null): ServerModels {
  const server = { name, defaultModel: own } as ModelServer;
  const list = models && Object.entries(models).map(([id, loaded]) => ({ id, name: null, loaded, entry: { id } }));
  return { server, models: list, lastModels: list, error: null, keyRefused: false };
}

describe("the model of a session that names none", () => {
  it("is the loaded one, else the first", () => {
    expect(defaultModel([has("a", { x: false, y: true })], undefined)).toEqual({ server: "a", model: "y" });
    expect(defaultModel([has("a", { x: null, y: null })], undefined)).toEqual({ server: "a", model: "x" });
  });

  it("is the configured one, at the server that has it", () => {
    const catalog = [has("a", { x: true }, "own"), has("b", { y: true })];
    expect(defaultModel(catalog, "y")).toEqual({ server: "b", model: "y" });
    expect(defaultModel(catalog, "b/z")).toEqual({ server: "b", model: "z" });
    expect(defaultModel(catalog, undefined)).toEqual({ server: "a", model: "own" });
  });

  it("comes from the next server while the first is away and has no configured model", () => {
    expect(defaultModel([has("a", null), has("b", { y: null })], undefined)).toEqual({ server: "b", model: "y" });
    expect(defaultModel([has("a", null, "own"), has("b", { y: null })], undefined)).toEqual({
      server: "a",
      model: "own",
    });
    expect(defaultModel([has("a", null)], undefined)).toBeNull();
  });
});

describe("a model's name", () => {
  it("without a server refers to the first server that lists it, or else to the first server", () => {
    const catalog = [has("a", { x: null }), has("b", { x: null, "org/y": null })];
    expect(locateModel("x", catalog)).toEqual({ server: "a", model: "x" });
    expect(locateModel("org/y", catalog)).toEqual({ server: "b", model: "org/y" });
    expect(locateModel("unknown", catalog)).toEqual({ server: "a", model: "unknown" });
  });

  it("is read back as it was written", () => {
    for (const servers of [["a"], ["a", "b"]]) {
      for (const model of ["x", "org/x", "a/x", "b/x", "/x", "x/"]) {
        const written = writeModelName({ server: "a", model }, servers) ?? "";
        const read = readModelName(written, servers) ?? { server: servers[0], model: written };
        expect(read).toEqual({ server: "a", model });
      }
    }
  });

  it("is written without a server when there is only one", () => {
    expect(writeModelName({ server: "a", model: "x" }, ["a"])).toBe("x");
    expect(writeModelName({ server: "a", model: "x" }, ["a", "b"])).toBe("a/x");
    expect(readModelName("nobody/x", ["a", "b"])).toBeNull();
    expect(readModelName("a/", ["a"])).toBeNull();
  });
});
