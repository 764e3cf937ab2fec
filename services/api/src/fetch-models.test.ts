import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createCatalog, type ModelServer } from "@boocode/model-servers";
import { expect, onTestFinished, test } from "vitest";
import { fetchModels } from "./fetch-models.ts";

async function answering(status: number, body = "[]"): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const listing = (...urls: string[]) => {
  const servers = urls.map(
    (url, at) =>
      ({ name: `s${at}`, url, roles: null, modelRoles: new Map() as ModelServer["modelRoles"] }) as ModelServer,
  );
  return fetchModels(createCatalog({ servers, timeoutMs: 20_000, ttlMs: 0, now: () => 0 }), undefined, "user");
};

test("a server that refuses the key is not away, even if it is the only one", async () => {
  const refused = { name: "s0", status: "refused", error: "refused the key (HTTP 401)" };
  expect(await listing(await answering(401))).toEqual({ models: [], servers: [refused] });
  const away = { name: "s1", status: "away", error: "answered 500" };
  const ok = { name: "s2", status: "ok", error: null };
  const urls = [await answering(403), await answering(500), await answering(200)];
  const { servers } = await listing(...urls);
  expect(servers).toEqual([{ ...refused, error: "refused the key (HTTP 403)" }, away, ok]);
});

test("without any server the list is an error", async () => {
  await expect(listing(await answering(503))).rejects.toMatchObject({ code: "model_server_unavailable" });
});

test("a role sees only the models and servers that it may use, and a default among them", async () => {
  const url = await answering(200, '[{"id":"big"},{"id":"small"}]');
  const own = { url, defaultModel: null, roles: null, modelRoles: new Map([["big", ["admin"]]]) };
  const servers = [
    { ...own, name: "open" },
    { ...own, name: "closed", roles: ["admin"] },
  ] as unknown as ModelServer[];
  const catalog = createCatalog({ servers, timeoutMs: 20_000, ttlMs: 0, now: () => 0 });
  const seen = async (role: "user" | "admin") => {
    const list = await fetchModels(catalog, undefined, role);
    const models = list.models.map((model) => (model.default ? `${model.id} *` : model.id));
    return [models, list.servers?.map(({ name }) => name)];
  };
  const all = ["open/big *", "open/small", "closed/big", "closed/small"];
  expect(await seen("admin")).toEqual([all, ["open", "closed"]]);
  expect(await seen("user")).toEqual([["open/small *"], ["open"]]);
});
