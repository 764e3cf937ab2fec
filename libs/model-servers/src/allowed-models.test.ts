import { expect, test } from "vitest";
import { allowedCatalog, defaultModelFor, mayUseNamed } from "./allowed-models.ts";
import type { ServerModels } from "./default-model.ts";
import type { ModelServer } from "./model-server.ts";

const server = (name: string, rest: Partial<ModelServer> = {}) =>
  ({ name, defaultModel: null, roles: null, modelRoles: new Map(), ...rest }) as ModelServer;
const listed = (of: ModelServer, ...entries: (string | { id: string })[]): ServerModels => {
  const models = entries.map((entry) => {
    const { id } = typeof entry === "string" ? { id: entry } : entry;
    return { id, name: null, loaded: null, entry: typeof entry === "string" ? { id } : { ...entry } };
  });
  return { server: of, error: null, keyRefused: false, models, lastModels: models };
};

const open = server("open", { modelRoles: new Map([["big", ["admin"]]]), defaultModel: "big" });
const closed = server("closed", { roles: ["admin"], modelRoles: new Map([["small", ["user", "admin"]]]) });
const hidden = server("hidden", { roles: ["admin"] });
const catalog = [listed(open, "big", "plain"), listed(closed, "huge", "small"), listed(hidden, "secret")];
const servers = [open, closed, hidden];

const seenBy = (role: string) =>
  allowedCatalog(catalog, role).flatMap((entry) => entry.models?.map(({ id }) => `${entry.server.name}/${id}`));

test("each role sees the models that it may use, and a server without any is not listed", () => {
  expect(seenBy("admin")).toEqual(["open/big", "open/plain", "closed/huge", "closed/small", "hidden/secret"]);
  expect(seenBy("user")).toEqual(["open/plain", "closed/small"]);
});

test("the default model of a role is one that it may use", () => {
  expect(defaultModelFor(catalog, undefined, "admin")).toEqual({ server: "open", model: "big" });
  expect(defaultModelFor(catalog, undefined, "user")).toEqual({ server: "open", model: "plain" });
  expect(defaultModelFor(catalog, "closed/huge", "user")).toEqual({ server: "open", model: "plain" });
  expect(defaultModelFor([listed(hidden, "secret")], undefined, "user")).toBeNull();
});

test("a named model is allowed by its own roles, else by those of its server, under each of its names", async () => {
  const may = async (role: string, ...names: string[]) =>
    await Promise.all(names.map((name) => mayUseNamed(servers, async () => catalog, name, role)));
  const names = ["open/big", "big", "plain", "closed/huge", "huge", "closed/small", "secret", "open/unlisted"];
  expect(await may("user", ...names)).toEqual([false, false, true, false, false, true, false, false]);
  expect(await may("admin", ...names)).toEqual(names.map(() => true));
});

test("of a server that is closed to a role no other name than an opened one is allowed, whatever the server takes it for", async () => {
  const names = ["small", "Small", "small ", "/small", "small:latest", "huge:latest", "alias-of-huge", ""];
  const may = names.map((name) => mayUseNamed([closed, hidden], async () => catalog, `closed/${name}`, "user"));
  expect(await Promise.all(may)).toEqual(names.map((name) => name === "small"));
});

test("a closed model is closed under each of its names, and so is a name that the server's list does not have", async () => {
  const big = { id: "big", aliases: ["large", "vision"], name: "Big One", model: "org/big:latest" };
  const list = [listed(open, big, "plain", { id: "other", aliases: ["second"] } as { id: string })];
  const closedNames = [
    "large",
    "vision",
    "Large",
    "Big One",
    "org/big",
    "big:latest",
    "BIG",
    "alias that is not listed",
  ];
  const may = async (role: string, names: string[], from = list) =>
    await Promise.all(names.map((name) => mayUseNamed([open], async () => from, `open/${name}`, role)));
  expect(await may("user", closedNames)).toEqual(closedNames.map(() => false));
  expect(await may("admin", closedNames)).toEqual(closedNames.map(() => true));
  expect(await may("user", ["plain", "second", "PLAIN", "plain:latest"])).toEqual([true, true, true, true]);
  // While the server is away its last list counts. Where none was ever read, names are compared as they are.
  const away = list.map((entry) => ({ ...entry, models: null, error: "away" }));
  expect(await may("user", ["plain", "large"], away)).toEqual([true, false]);
  const unread = away.map((entry) => ({ ...entry, lastModels: null }));
  expect(await may("user", ["plain", "big", "Big"], unread)).toEqual([true, false, false]);
});

test("without a restriction no list is read", async () => {
  const read = () => Promise.reject(new Error("read"));
  expect(await mayUseNamed([server("a"), server("b")], read, "x", "user")).toBe(true);
});
